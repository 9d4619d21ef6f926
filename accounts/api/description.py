"""The API's description of itself: OpenAPI, and two ways to read it in a browser."""

from __future__ import annotations

import functools
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import TO_ALL
from accounts.api.views import ScopedView


class SchemaView(ScopedView):
    """OpenAPI 3."""

    scopes = {"get": TO_ALL}
    authentication_classes = []
    renderer_classes = [OpenApiJsonRenderer, OpenApiYamlRenderer]

    @extend_schema(
        summary="This description",
        operation_id="schema",
        responses={
            (200, OpenApiJsonRenderer.media_type): OpenApiTypes.OBJECT,
            (200, OpenApiYamlRenderer.media_type): OpenApiTypes.OBJECT,
        },
    )
    def get(self, request: Request) -> Response:
        """The whole description, in JSON, or in YAML for who asks for `application/vnd.oai.openapi`."""
        return Response(_schema())


@functools.cache
def _schema() -> dict[str, Any]:
    """What every process finds once: it follows from the code."""
    return SchemaGenerator().get_schema(public=True)


@require_safe
def swagger(request: HttpRequest) -> HttpResponse:
    """The description to try things out with."""
    return render(request, "api/swagger.html")


@csp_update({"worker-src": ["blob:"], "style-src": [SELF, UNSAFE_INLINE]})  # its search, its styled components
@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    """The description to read."""
    return render(request, "api/redoc.html")
