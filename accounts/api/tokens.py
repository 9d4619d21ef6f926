"""Endpoints of signing in and out, and of who one is."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.exceptions import TokenError

from accounts.api.permissions import TO_ALL, TO_SIGNED_IN
from accounts.api.problems import MEDIA_TYPE
from accounts.api.schema import problem_response
from accounts.api.serializers import BodySerializer
from accounts.api.throttles import refund
from accounts.api.views import ScopedView
from accounts.limits import AddressCost, Cost, limit_status
from accounts.policies import Role, Scope, scopes_of
from accounts.tokens import TICKET_LIFETIME, ticket_issue, token_revoke, tokens_issue, tokens_refresh

NO_STORE = {"Cache-Control": "no-store"}
_ENDED = "The refresh token is not valid, or has ended."
_REFUSED = problem_response("The name, the password or the token is not valid.")


class CredentialsSerializer(BodySerializer):
    """A name and a password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)


class RefreshSerializer(BodySerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=8192)


class RevokeSerializer(RefreshSerializer):
    """A refresh token, and how much is to end with it."""

    everywhere = serializers.BooleanField(
        default=False, help_text="End every token and API key of the user, access tokens too."
    )


class TokenPairSerializer(serializers.Serializer):
    """Tokens."""

    access = serializers.CharField(help_text="For `Authorization: Bearer ...`.")
    refresh = serializers.CharField(help_text="For the next pair, once.")
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds that the access token lasts.")


class LimitSerializer(serializers.Serializer):
    """A rate limit and what is left of it."""

    limit = serializers.IntegerField(allow_null=True, help_text="Requests in any window; null: no limit.")
    window = serializers.IntegerField(help_text="Seconds of the window.")
    remaining = serializers.IntegerField(allow_null=True)
    reset = serializers.IntegerField(help_text="Seconds until the next used one is free again.")


class MeSerializer(serializers.Serializer):
    """Who asks, and what they may do now."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField()
    role = serializers.ChoiceField(Role.choices, allow_null=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    limits = serializers.DictField(child=LimitSerializer(), help_text="By class of cost.")


class TicketSerializer(serializers.Serializer):
    """A ticket for one socket."""

    ticket = serializers.CharField(help_text="Offer it as the sub-protocol after `ticket`.")
    expires_in = serializers.IntegerField(help_text="Seconds.")


class TokenView(ScopedView):
    """Sign in."""

    scopes = {"post": TO_ALL}
    costs = {"post": AddressCost.SIGN_IN}
    authentication_classes = []

    @extend_schema(
        summary="Sign in",
        description="An access token (15 minutes) and a refresh token (7 days, good once) for a name and a password. "
        "What fails counts against the limit of the network address.",
        operation_id="auth_token",
        request=CredentialsSerializer,
        responses={200: TokenPairSerializer, (401, MEDIA_TYPE): _REFUSED},
        examples=[OpenApiExample("Ada", {"username": "ada", "password": "correct horse"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Exchange a name and a password for tokens."""
        given = _valid(CredentialsSerializer, request)
        user: Any = authenticate(request._request, **given)
        if user is None:
            raise AuthenticationFailed("No active account has this name and password.")
        refund(request._request)
        return Response(tokens_issue(user=user), headers=NO_STORE)

    def get_authenticate_header(self, request: Request) -> str:
        """What 401 names: the view itself looks at no header."""
        return 'Bearer realm="api"'


class TokenRefreshView(TokenView):
    """Stay signed in."""

    costs = {"post": AddressCost.TOKEN_REFRESH}

    @extend_schema(
        summary="Renew the tokens",
        description="A new pair for a refresh token, which ends with it. A token that comes a second time may be in "
        "two hands: it ends all tokens of its user.",
        operation_id="auth_token_refresh",
        request=RefreshSerializer,
        responses={200: TokenPairSerializer, (401, MEDIA_TYPE): _REFUSED},
        examples=[],
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for the next pair."""
        given = _valid(RefreshSerializer, request)
        try:
            return Response(tokens_refresh(**given), headers=NO_STORE)
        except TokenError:
            raise AuthenticationFailed(_ENDED) from None


class TokenRevokeView(TokenView):
    """Sign out."""

    costs = {"post": AddressCost.TOKEN_REFRESH}

    @extend_schema(
        summary="Sign out",
        description="Ends a refresh token. Access tokens end by themselves within 15 minutes, or at once "
        "with `everywhere`, as all tokens and API keys do. A token that has ended already is no error, unless it is "
        "too old to end the others.",
        operation_id="auth_token_revoke",
        request=RevokeSerializer,
        responses={204: OpenApiResponse(description="It has ended."), (401, MEDIA_TYPE): _REFUSED},
        examples=[],
    )
    def post(self, request: Request) -> Response:
        """End a refresh token."""
        given = _valid(RevokeSerializer, request)
        try:
            token_revoke(**given)
        except TokenError:
            raise AuthenticationFailed(_ENDED) from None
        return Response(status=204, headers=NO_STORE)


class MeView(ScopedView):
    """Who asks."""

    scopes = {"get": TO_SIGNED_IN}

    @extend_schema(
        summary="Who am I, and what may I do",
        operation_id="auth_me",
        responses=MeSerializer,
    )
    def get(self, request: Request) -> Response:
        """The account, its role, its scopes and what is left of its limits."""
        user: Any = request.user
        limits = {}
        for cost in Cost:
            found = limit_status(user=user, cost=cost)
            limits[cost.value] = {
                "limit": found.limit,
                "window": found.window,
                "remaining": found.remaining,
                "reset": found.reset,
            }
        answer = {
            "id": user.pk,
            "username": user.username,
            "email": user.email,
            "role": user.role,
            "scopes": scopes_of(user),
            "limits": limits,
        }
        return Response(answer)


class TicketView(ScopedView):
    """A way into a socket."""

    scopes = {"post": TO_SIGNED_IN}

    @extend_schema(
        summary="Get a ticket for a WebSocket",
        description="For clients that cannot send a header with the handshake. Good once, for 60 seconds.",
        operation_id="auth_ws_ticket",
        request=None,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        """A one-time ticket, limited as the API key that asks for it."""
        user: Any = request.user
        ticket = ticket_issue(user=user)
        return Response(
            {"ticket": ticket, "expires_in": int(TICKET_LIFETIME.total_seconds())}, status=201, headers=NO_STORE
        )


def _valid(serializer_class: type[BodySerializer], request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data
