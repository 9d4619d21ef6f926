"""Who asks: by access token, by API key, or by the browser's session."""

from __future__ import annotations

import copy

from django.http import QueryDict
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.keys import key_use
from accounts.models import ApiKey, User
from accounts.tokens import user_by_access_token


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        """The token's user, or None without such a header. Raises AuthenticationFailed."""
        token = _credentials(request, "bearer")
        if token is None:
            return None
        user = user_by_access_token(token)
        if user is None:
            raise AuthenticationFailed("The access token is not valid, or has ended.")
        return user, token

    def authenticate_header(self, request: Request) -> str:
        """How to sign in, for 401."""
        return 'Bearer realm="api", Api-Key realm="api"'


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <key>`."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """The key's owner, limited to its scopes, or None without such a header. Raises AuthenticationFailed."""
        text = _credentials(request, "api-key")
        if text is None:
            return None
        key = key_use(text=text)
        if key is None:
            raise AuthenticationFailed("The API key is not valid, or has ended.")
        return key.user, key


class SessionAuthentication(authentication.SessionAuthentication):
    """The browser's session, with the CSRF token in a header."""

    def enforce_csrf(self, request: Request) -> None:
        """As DRF's, by the header alone: a look for the token in a form would take the body from who reads it."""
        bodiless = copy.copy(request._request)
        bodiless.POST = QueryDict()
        super().enforce_csrf(bodiless)  # type: ignore[arg-type]


def _credentials(request: Request, scheme: str) -> str | None:
    given, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return credentials.strip() if given.lower() == scheme else None


class TokenScheme(OpenApiAuthenticationExtension):
    """Access tokens in OpenAPI."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """HTTP's bearer scheme."""
        words = "An access token from POST /api/v1/auth/token; it lasts 15 minutes."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": words}


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """API keys in OpenAPI."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """A header of its own form."""
        words = "`Api-Key ` and a key from POST /api/v1/auth/keys."
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": words}


class SessionScheme(OpenApiAuthenticationExtension):
    """The browser's session in OpenAPI."""

    target_class = SessionAuthentication
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """The cookie."""
        words = "The browser's session; writes also need the X-CSRFToken header."
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": words}
