"""What the endpoints of curated objects share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import OpenApiResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.api import problems
from accounts.api.etags import require_match
from accounts.api.problems import MEDIA_TYPE
from accounts.api.schema import problem_response
from accounts.api.views import ScopedViewSet
from accounts.models import User
from evidence.services import rules

CONFLICT = {(409, MEDIA_TYPE): problem_response("The object is not in a state in which this can be done.")}
CHANGED = {(412, MEDIA_TYPE): problem_response("The object has changed since the version that If-Match names.")}
STALE = {
    **CHANGED,
    (428, MEDIA_TYPE): problem_response("If-Match is missing."),
}
PAGING = ("limit", "cursor")
DELETED = OpenApiResponse(description="It is gone.")


class CuratedViewSet(ScopedViewSet):
    """A viewset over services that refuse what does not go with an object's state or version."""

    def handle_exception(self, exc: Exception) -> Response:
        """Refusals of the services as problems: 409, and 412 for an old version."""
        match exc:
            case rules.StaleVersion():
                exc = problems.PreconditionFailed()
            case rules.Conflict():
                exc = problems.Conflict(str(exc))
        return super().handle_exception(exc)

    @property
    def actor(self) -> User:
        """Who asks."""
        return actor_of(self.request)

    def checked(self, serializer: type[BaseSerializer[Any]], **how: Any) -> dict[str, Any]:
        """The request's body, valid. Raises ValidationError."""
        given = serializer(data=self.request.data, **how)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)


def actor_of(request: Request) -> User:
    """Who asks; the policy has let them in."""
    return cast("User", request.user)


def match_if_sent(request: Request, etag: str) -> None:
    """Let a step pass if the request names no version, or the present one."""
    if "If-Match" in request.headers:
        require_match(request, etag)


def renamed(error: DjangoValidationError, names: Mapping[str, str], others: str = "") -> DjangoValidationError:
    """The error with its fields named as in the body; fields that have no such name get `others` before theirs."""
    faults = error.update_error_dict({})
    return DjangoValidationError({names.get(field, f"{others}{field}"): found for field, found in faults.items()})


def checked_query(
    request: Request, serializer: type[BaseSerializer[Any]], *, besides: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    """The query's parameters, valid. Raises ValidationError, for unknown and repeated ones too."""
    if twice := [name for name, values in request.query_params.lists() if len(values) > 1]:
        raise ValidationError(dict.fromkeys(twice, "Should be there once."))
    given = {name: value for name, value in request.query_params.items() if name not in besides}
    query = serializer(data=given)
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)
