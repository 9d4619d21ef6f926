"""OpenAPI: every operation documents the problems that its access, cost and input can lead to."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from accounts.api.examples import illustrate
from accounts.api.permissions import TO_ALL
from accounts.api.problems import MEDIA_TYPE
from accounts.api.serializers import ProblemSerializer, StrictSerializer

PROBLEMS = {
    400: "Something in the request is not valid; `errors` names it.",
    401: "No valid token, key or session.",
    403: "The role, or the API key, does not hold the scope; or a session without its CSRF token.",
    404: "Nothing here, or nothing that the user may see.",
    406: "Accept names no type that this gives.",
    413: "The body is too big.",
    415: "The body is of another type than this takes.",
    429: "The rate limit is used up; Retry-After says for how long.",
    503: "A server that this needs is not available; Retry-After says when to try again.",
}

_LIMIT_HEADERS = {
    "RateLimit-Limit": "Requests of this class in any window of the limit's length.",
    "RateLimit-Remaining": "How many of them are left now.",
    "RateLimit-Reset": "Seconds until the next used one is free again.",
}


class ApiSchema(AutoSchema):
    """Adds what all operations share, so that `@extend_schema` says only what is particular to one."""

    def get_tags(self) -> list[str]:
        """The first part of the path after the version."""
        parts = [part for part in self.path.split("/") if part and not part.startswith("{")]
        return parts[2:3]

    def get_auth(self) -> list[dict[str, Any]]:
        """How to sign in; nothing for what is open to all."""
        return [] if self._access() is TO_ALL else super().get_auth()

    def get_override_parameters(self) -> list[Any]:
        """Headers of limited, versioned and failed answers."""
        given = list(super().get_override_parameters())
        if self._cost():
            given += [_header(name, int, words) for name, words in _LIMIT_HEADERS.items()]
            given.append(_header("Retry-After", int, "Seconds to wait.", [429]))
        if self.method == "GET":
            given.append(_header("ETag", str, "The version; send it as If-None-Match next time.", [200]))
        return given

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._resolve_path_parameters(variables)
        words: dict[str, str] = getattr(self.view, "path_words", {})
        return [{**each, "description": words.get(each["name"], "")} for each in parameters]

    def _get_request_for_media_type(self, serializer: Any, direction: Any = "request") -> Any:
        if self.method != "PATCH" or getattr(serializer, "partial", False):
            return super()._get_request_for_media_type(serializer, direction)
        # drf-spectacular would call every field of a PATCH optional
        return self.resolve_serializer(force_instance(serializer), direction).ref, True

    def _get_request_body(self, direction: Any = "request") -> dict[str, Any] | None:
        body: dict[str, Any] | None = super()._get_request_body(direction)
        if body is not None:
            self._illustrate(body["content"])
        return body

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        schema = super()._map_basic_serializer(serializer, direction)
        strict = direction == "request" and isinstance(force_instance(serializer), StrictSerializer)
        return {**schema, "additionalProperties": False} if strict else schema

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        if direction != "response":
            return bodies
        if self.method == "GET" and "200" in bodies:
            bodies.setdefault("304", {"description": "The client has this version already."})
        for status in self._problems():
            if str(status) not in bodies:
                bodies[str(status)] = self._problem(status)
        for code, body in bodies.items():
            body["description"] = body["description"] or HTTPStatus(int(code)).phrase
            self._illustrate(body.get("content", {}))
        return dict(sorted(bodies.items()))

    def _illustrate(self, contents: dict[str, Any]) -> None:
        app = type(self.view).__module__.partition(".")[0]
        illustrate(contents, app=app, operation_id=self.get_operation_id())

    def _problem(self, status: int) -> dict[str, Any]:
        response = OpenApiResponse(ProblemSerializer, PROBLEMS[status])
        return self._get_response_for_code(response, str(status), (MEDIA_TYPE,))

    def _problems(self) -> list[int]:
        found = {400, 406, 503}
        if self._access() is not TO_ALL:
            found |= {401, 403}
        if "{" in self.path:
            found.add(404)
        if self.method in {"POST", "PUT", "PATCH"}:
            found |= {413, 415}
        if self._cost():
            found.add(429)
        return sorted(found)

    def _operation(self) -> str:
        return getattr(self.view, "action", None) or self.method.lower()

    def _access(self) -> Any:
        return getattr(self.view, "scopes", {}).get(self._operation())

    def _cost(self) -> Any:
        return getattr(self.view, "costs", {}).get(self._operation())


def _header(name: str, kind: type, words: str, statuses: list[int] | bool = True) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=words, response=statuses)


IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag that was read before the change."
)
"""For `@extend_schema(parameters=[IF_MATCH])` of writes that call `require_match`."""


def problem_response(words: str, *examples: OpenApiExample) -> OpenApiResponse:
    """A problem of one operation alone, for `responses={(409, MEDIA_TYPE): ...}` of `@extend_schema`."""
    return OpenApiResponse(ProblemSerializer, words, list(examples))
