"""The audit trail: who did what to what, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.db.models import Model

from accounts.models import AuditEntry, User


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
    return AuditEntry.objects.create(
        actor=actor,
        actor_name=actor.get_username() if actor else "",
        action=action,
        object_type=subject._meta.label_lower if subject else "",
        object_id=str(subject.pk) if subject else "",
        reason=reason,
        request_id=current_request_id(),
        details=dict(details or {}),
    )


def current_request_id() -> str:
    """The id of the request that is being answered, as in its answer and its log lines; empty for a command."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
