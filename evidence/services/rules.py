"""Rules that several services share: who may write, on what version, and for what reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from simple_history.utils import bulk_create_with_history

from accounts.models import User
from accounts.policies import Scope, may

RowT = TypeVar("RowT", bound=models.Model)

BATCH = 1000
"""Rows that are written together."""
MAX_REASON = 2000


class Conflict(Exception):
    """The object is not in a state in which this can be done."""


class StaleVersion(Conflict):
    """The object has changed since the version that the writer looked at."""


def require(actor: User, scope: Scope) -> None:
    """Raise PermissionDenied unless the actor holds the scope."""
    if not may(actor, scope):
        raise PermissionDenied(f"This needs the right {scope}.")


def locked(row: RowT, expected_version: int | None) -> RowT:
    """The row as it is now, held until the end of the transaction.

    `expected_version` is the one that the writer has seen; None does not mind. Raises StaleVersion, and Conflict
    where the row is gone.
    """
    found = type(row)._default_manager.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise Conflict(f"{row} has been deleted.")
    if expected_version is not None and version_of(found) != expected_version:
        raise StaleVersion(f"{row} has been changed meanwhile; look at it again.")
    return found


def version_of(row: Any) -> int:
    """The version that a curated row counts; for one that counts none, the number of its newest record, 0 without."""
    records = row.history.order_by("-history_id").values_list("history_id", flat=True)
    version: int | None = row.version if hasattr(row, "version") else records.first()
    return version or 0


def refuse_unknown(values: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Raise ValidationError naming the fields that are not `allowed`."""
    if unknown := [field for field in values if field not in allowed]:
        raise ValidationError(dict.fromkeys(unknown, "This cannot be set."))


def differences(row: models.Model, changes: Mapping[str, Any], allowed: Collection[str]) -> dict[str, Any]:
    """Those of the changes that change something. Raises ValidationError for fields that are not `allowed`."""
    refuse_unknown(changes, allowed)
    return {field: value for field, value in changes.items() if getattr(row, field) != value}


def write(row: models.Model, values: Mapping[str, Any]) -> None:
    """Set the row's fields."""
    for field, value in values.items():
        setattr(row, field, value)


def checked_reason(reason: str, *, needed: bool = True) -> str:
    """The reason without space around it. Raises ValidationError, for `reason`, for none where one is needed."""
    reason = reason.strip()
    if needed and not reason:
        raise ValidationError({"reason": ValidationError("Say why.", code="required")})
    if len(reason) > MAX_REASON:
        raise ValidationError({"reason": f"At most {MAX_REASON:,} characters."})
    if "\x00" in reason:
        raise ValidationError({"reason": "Null characters are not allowed."})
    return reason


def store(row: models.Model, *, actor: User | None, reason: str = "") -> None:
    """Save the row, with who did it and why in its history."""
    _sign(row, actor, reason)
    row.save()


def created_store(rows: Sequence[RowT], *, actor: User | None, reason: str = "") -> None:
    """Save new rows together, with who made them and why in their histories."""
    if rows:
        how: dict[str, Any] = {"batch_size": BATCH, "default_user": actor, "default_change_reason": reason}
        bulk_create_with_history(rows, type(rows[0]), **how)


def remove(row: models.Model, *, actor: User | None, reason: str = "") -> None:
    """Delete the row, with who did it and why in its history."""
    _sign(row, actor, reason)
    row.delete()


def _sign(row: models.Model, actor: User | None, reason: str) -> None:
    row._history_user = actor  # type: ignore[attr-defined]
    row._change_reason = reason  # type: ignore[attr-defined]
