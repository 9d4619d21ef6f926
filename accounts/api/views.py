"""Bases of the API's views."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ViewSetMixin

from accounts.api.etags import etag_of_bytes, names_no_version
from accounts.api.permissions import Access
from accounts.api.queries import query_check
from accounts.api.schema import ApiSchema
from accounts.limits import AddressCost, Cost


class ScopedView(APIView):
    """A view whose operations name what they need.

    `scopes` and `costs` go by operation: the action of a viewset (`list`, `approve`), the method of other views
    (`get`, `post`). Every operation has a scope; a cost is for those that are counted.
    """

    scopes: ClassVar[Mapping[str, Access]] = {}
    costs: ClassVar[Mapping[str, Cost | AddressCost]] = {}
    path_words: ClassVar[Mapping[str, str]] = {}
    """What the parts of the path name, for the schema."""
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    schema = ApiSchema()

    @property
    def operation(self) -> str | None:
        """The operation asked for, or None where the view has none for this method."""
        method = (self.request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            return None
        if isinstance(self, ViewSetMixin):
            return getattr(self, "action", None)
        return "get" if method == "head" else method

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As DRF's, refusing what no database takes, and then parameters that the operation has not."""
        for name, values in request.query_params.lists():
            if any("\x00" in text for text in (name, *values)):
                raise ParseError("The address holds a NUL character.")
        super().initial(request, *args, **kwargs)
        if self.operation is not None:
            query_check(type(self), self.operation, request.query_params)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """As DRF's; what is read has an ETag, and is not sent to who has it already."""
        response = super().finalize_response(request, response, *args, **kwargs)
        read = request.method in {"GET", "HEAD"} and response.status_code == HTTPStatus.OK
        if read and isinstance(response, Response):
            response.add_post_render_callback(lambda rendered: _conditional(request._request, rendered))
        return response


class ScopedViewSet(ScopedView, GenericViewSet):
    """A viewset whose actions name what they need."""


def _conditional(request: HttpRequest, response: Response) -> HttpResponseBase | None:
    """Name the version of an answer that names none; 304 for who has it."""
    if "ETag" not in response.headers:
        response["ETag"] = etag_of_bytes(response.content)
    return None if names_no_version(request) else get_conditional_response(request, response["ETag"], response=response)
