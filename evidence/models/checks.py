"""Conditions that database constraints are made of."""

from django.db.models import Q


def between(field: str, low: float, high: float) -> Q:
    """`low <= field <= high`. NaN fails on every database: PostgreSQL sorts it last, SQLite stores it as null."""
    return Q(**{f"{field}__gte": low, f"{field}__lte": high})


def strictly_between(field: str, low: float, high: float) -> Q:
    """`low < field < high`."""
    return Q(**{f"{field}__gt": low, f"{field}__lt": high})
