"""Conditions that database constraints are made of, and validators that say the same at a form's field."""

from __future__ import annotations

from typing import Any

from django.core.validators import BaseValidator, MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils.deconstruct import deconstructible


@deconstructible
class AboveValidator(BaseValidator):
    """The value is greater than the limit."""

    message = "Ensure this value is above %(limit_value)s."
    code = "min_value"

    def compare(self, a: Any, b: Any) -> bool:
        """Whether the value is wrong."""
        return not a > b


@deconstructible
class BelowValidator(BaseValidator):
    """The value is less than the limit."""

    message = "Ensure this value is below %(limit_value)s."
    code = "max_value"

    def compare(self, a: Any, b: Any) -> bool:
        """Whether the value is wrong."""
        return not a < b


@deconstructible
class AtLeastValidator(MinValueValidator):
    """The value is the limit or greater. Unlike Django's own, it refuses NaN."""

    def compare(self, a: Any, b: Any) -> bool:
        """Whether the value is wrong."""
        return not a >= b


@deconstructible
class AtMostValidator(MaxValueValidator):
    """The value is the limit or less. Unlike Django's own, it refuses NaN."""

    def compare(self, a: Any, b: Any) -> bool:
        """Whether the value is wrong."""
        return not a <= b


def between(field: str, low: float, high: float) -> Q:
    """`low <= field <= high`. NaN fails on every database: PostgreSQL sorts it last, SQLite stores it as null."""
    return Q(**{f"{field}__gte": low, f"{field}__lte": high})


def strictly_between(field: str, low: float, high: float) -> Q:
    """`low < field < high`."""
    return Q(**{f"{field}__gt": low, f"{field}__lt": high})
