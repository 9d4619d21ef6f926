"""Endpoints of API keys."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.pagination import CursorPagination
from accounts.api.permissions import TO_SIGNED_IN
from accounts.api.serializers import BodySerializer
from accounts.api.tokens import NO_STORE
from accounts.api.views import ScopedViewSet
from accounts.keys import key_create, key_revoke
from accounts.models import ApiKey


class KeySerializer(serializers.ModelSerializer):
    """A key without its secret."""

    scopes = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ApiKey
        fields = ["id", "name", "prefix", "scopes", "created_at", "last_used_at", "expires_at"]


class NewKeySerializer(KeySerializer):
    """A key with its secret, this once."""

    key = serializers.CharField(help_text="For `Authorization: Api-Key ...`; shown only now.")

    class Meta(KeySerializer.Meta):
        fields = [*KeySerializer.Meta.fields, "key"]


class KeyInputSerializer(BodySerializer):
    """What a new key is to be."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        min_length=1,
        max_length=50,
        help_text="At most what your role holds; without it, all of that.",
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class KeyPagination(CursorPagination[ApiKey]):
    """Keys, newest first."""

    results_key = "keys"


class KeyViewSet(ScopedViewSet):
    """One's own API keys."""

    path_words = {"id": "Id of the key."}
    scopes = {"list": TO_SIGNED_IN, "create": TO_SIGNED_IN, "destroy": TO_SIGNED_IN}
    serializer_class = KeySerializer
    pagination_class = KeyPagination
    queryset = ApiKey.objects.none()

    def get_queryset(self) -> QuerySet[ApiKey]:
        """One's own keys that are not revoked."""
        return ApiKey.objects.kept().filter(user=self.request.user.pk)

    @extend_schema(summary="List your API keys", operation_id="auth_keys_list")
    def list(self, request: Request) -> Response:
        """A page of keys, without their secrets."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Make an API key",
        description="For a program that acts in your name, with no more rights than the key's scopes and your role at "
        "the time. Not with an API key.",
        operation_id="auth_keys_create",
        request=KeyInputSerializer,
        responses={201: NewKeySerializer},
        examples=[
            OpenApiExample("Reader", {"name": "notebook", "scopes": ["read:scenarios"]}, request_only=True),
        ],
    )
    def create(self, request: Request) -> Response:
        """A new key, shown once."""
        _person(request)
        serializer = KeyInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user: Any = request.user
        key, text = key_create(user=user, **serializer.validated_data)
        return Response({**KeySerializer(key).data, "key": text}, status=201, headers=NO_STORE)

    @extend_schema(
        summary="Revoke an API key",
        description="It ends at once. Not with an API key.",
        operation_id="auth_keys_revoke",
        responses={204: OpenApiResponse(description="It has ended.")},
    )
    def destroy(self, request: Request, pk: int) -> Response:
        """End a key."""
        _person(request)
        user: Any = request.user
        key_revoke(key=get_object_or_404(self.get_queryset(), pk=pk), actor=user)
        return Response(status=204)


def _person(request: Request) -> None:
    """A key must not make itself a broader or a longer one, nor end others."""
    if isinstance(request.auth, ApiKey):
        raise PermissionDenied("API keys are managed with a session or an access token.")
