"""Changing the questions. Curators word them; what bears on the numbers is for admins, with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from evidence.choices import EvidenceStatus
from evidence.models import Hypothesis
from evidence.services.rules import checked_reason, differences, locked, refuse_unknown, require, store, write

NUMBERS = ("code", "order", "prior_probability", "initial_probability", "midpoint_year", "midpoint_sd", "speed")
OUTCOMES = ("outcome_a", "outcome_b")
ALL_FIELDS = ("label", *OUTCOMES, *NUMBERS)


@transaction.atomic
def hypothesis_create(*, actor: User, values: Mapping[str, Any], reason: str = "") -> Hypothesis:
    """A new question. Raises PermissionDenied, ValidationError."""
    require(actor, Scope.WRITE_MODEL)
    refuse_unknown(values, ALL_FIELDS)
    hypothesis = Hypothesis(**values)
    hypothesis.full_clean(validate_constraints=False)  # the fields say the same
    reason = checked_reason(reason)
    store(hypothesis, actor=actor, reason=reason)
    audit_record(actor=actor, action="hypothesis.create", subject=hypothesis, reason=reason)
    return hypothesis


@transaction.atomic
def hypothesis_edit(
    *,
    hypothesis: Hypothesis,
    actor: User,
    changes: Mapping[str, Any],
    reason: str = "",
    expected_version: int | None = None,
) -> Hypothesis:
    """Change a question. Its numbers, and the outcomes that approved items speak for, are for admins, who say why.

    Raises PermissionDenied, ValidationError, StaleVersion, Conflict.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    row = locked(hypothesis, expected_version)
    changed = differences(row, changes, ALL_FIELDS)
    if not changed:
        return row
    guarded = {*NUMBERS, *(OUTCOMES if hypothesis_counts(row) else ())}
    weighs = not changed.keys().isdisjoint(guarded)
    if weighs:
        require(actor, Scope.WRITE_MODEL)
    reason = checked_reason(reason, needed=weighs)
    write(row, changed)
    row.full_clean(validate_constraints=False)
    row.version += 1
    store(row, actor=actor, reason=reason)
    audit_record(actor=actor, action="hypothesis.edit", subject=row, reason=reason, details={"fields": sorted(changed)})
    return row


def hypothesis_counts(hypothesis: Hypothesis) -> bool:
    """Whether approved items, which analyses use, are about it."""
    return hypothesis.items.filter(status=EvidenceStatus.APPROVED).exists()
