"""The audit trail: who did what to what, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import structlog
from django.db.models import Model

from accounts.models import AuditEntry, User

ModelT = TypeVar("ModelT", bound=Model)

BATCH = 1000


def audit_record(
    *,
    actor: User | None,
    action: str,
    subject: Model | None = None,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Note an action, in the transaction that does it; with the request's id if a request asked for it.

    `action` is `thing.verb`; `subject` is the object it is done to; `details` is JSON. `actor` None is a command.
    """
    entry = _entry(actor, action, subject, reason, details)
    entry.save()
    return entry


def audit_record_each(
    *, actor: User | None, action: str, subjects: Mapping[ModelT, Mapping[str, Any]], reason: str = ""
) -> None:
    """Note an action that is done to many objects, each with its details. See `audit_record`."""
    entries = [_entry(actor, action, subject, reason, details) for subject, details in subjects.items()]
    AuditEntry.objects.bulk_create(entries, batch_size=BATCH)


def current_request_id() -> str:
    """The id of the request that is being answered, as in its answer and its log lines; empty for a command."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def _entry(
    actor: User | None, action: str, subject: Model | None, reason: str, details: Mapping[str, Any] | None
) -> AuditEntry:
    return AuditEntry(
        actor=actor,
        actor_name=actor.get_username() if actor else "",
        action=action,
        object_type=subject._meta.label_lower if subject else "",
        object_id=str(subject.pk) if subject else "",
        reason=reason,
        request_id=current_request_id(),
        details=dict(details or {}),
    )
