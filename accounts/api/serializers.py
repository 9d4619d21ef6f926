"""Bases of serializers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer):
    """Refuses fields that it does not know, at every depth where it is used, and names them."""

    def to_internal_value(self, data: Any) -> Any:
        """As DRF's. Raises ValidationError that names the unknown fields beside all else that is wrong."""
        unknown: dict[str, Any] = {}
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = {
                str(name): [serializers.ErrorDetail("There is no such field.", code="unknown")]
                for name in data
                if name not in known
            }
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise serializers.ValidationError({**error.detail, **unknown}) from None
            raise
        if unknown:
            raise serializers.ValidationError(unknown)
        return value


class FaultSerializer(serializers.Serializer):
    """One thing that is wrong."""

    path = serializers.CharField(help_text="Where: `a.b[1]` in the body, or a parameter's name; empty: the whole.")
    code = serializers.CharField(help_text="What kind of thing, for programs.")
    message = serializers.CharField(help_text="What, for people.")


class ProblemSerializer(serializers.Serializer):
    """RFC 9457 problem details."""

    type = serializers.CharField(help_text="`about:blank`: the status says which problem it is.")
    title = serializers.CharField(help_text="The status in words.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What went wrong this time.")
    errors = FaultSerializer(many=True)  # type: ignore[assignment]
    request_id = serializers.CharField(allow_null=True, help_text="Under which the logs have it.")
