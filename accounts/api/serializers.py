"""Bases of serializers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty


class StrictSerializer(serializers.Serializer):
    """Refuses fields that it does not know, at every depth where it is used, and names them."""

    def to_internal_value(self, data: Any) -> Any:
        """As DRF's. Raises ValidationError that names all that is wrong."""
        refused = self.refused(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if refused and isinstance(error.detail, dict):
                raise serializers.ValidationError({**error.detail, **refused}) from None
            raise
        if refused:
            raise serializers.ValidationError(refused)
        return value

    def refused(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What DRF would let pass, by field."""
        known = {name for name, field in self.fields.items() if not field.read_only}
        unknown = serializers.ErrorDetail("There is no such field.", code="unknown")
        return {str(name): [unknown] for name in data if name not in known}


class BodySerializer(StrictSerializer):
    """For JSON bodies: refuses also values of another JSON type, which DRF would convert (`"5"`, or 0 for false)."""

    def refused(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Unknown and mistyped fields."""
        known = {name: field for name, field in self.fields.items() if not field.read_only and name in data}
        mistyped = {name: _mistyped(field, data[name]) for name, field in known.items()}
        return {**super().refused(data), **{name: faults for name, faults in mistyped.items() if faults}}


_TEXTS = (
    *(serializers.CharField, serializers.UUIDField),
    *(serializers.DateTimeField, serializers.DateField, serializers.TimeField, serializers.DurationField),
)
_JSON_TYPES: tuple[tuple[type[serializers.Field], tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "true or false"),
    (serializers.IntegerField, (int,), "a whole number"),
    (serializers.FloatField, (int, float), "a number"),
    *((kind, (str,), "a text") for kind in _TEXTS),
)


def _mistyped(field: serializers.Field, value: Any) -> Any:
    """The error details of a value that is not of the field's JSON type; nothing if it is, or if DRF sees to it."""
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        found = {index: _mistyped(field.child, each) for index, each in enumerate(value)}
        return {index: faults for index, faults in found.items() if faults}
    if isinstance(field, serializers.DictField) and isinstance(value, Mapping):
        named = {str(key): _mistyped(field.child, each) for key, each in value.items()}
        return {key: faults for key, faults in named.items() if faults}
    for kind, types, words in _JSON_TYPES:
        if isinstance(field, kind) and value is not None:
            whole = kind is serializers.IntegerField and isinstance(value, float) and value.is_integer()
            fits = isinstance(value, types) and (kind is serializers.BooleanField or not isinstance(value, bool))
            return [] if fits or whole else [serializers.ErrorDetail(f"Should be {words}.", code="type")]
    return []


class PlannedRows(serializers.Serializer):
    """For objects that are shown by the hundred: how each field is read is decided once, not again for every row.

    Fields read attributes and properties (also `a.b`); DRF's support of methods, mappings, fields that are left out
    and fields that differ from one use to the next does not come along.
    """

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """As DRF's."""
        values = ((name, read(instance), show) for name, read, show in _plan(type(self)))
        return {name: None if value is None else show(value) for name, value, show in values}


@cache
def _plan(kind: type[PlannedRows]) -> list[tuple[str, Callable[[Any], Any], Callable[[Any], Any]]]:
    """Of each field its name, what reads it and what shows its value."""
    shown = [(name, field) for name, field in kind().fields.items() if not field.write_only]
    return [(name, _reader(field), field.to_representation) for name, field in shown]


def _reader(field: serializers.Field) -> Callable[[Any], Any]:
    plain = field.source_attrs and field.default is empty
    return attrgetter(str(field.source)) if plain else field.get_attribute


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
