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
from evidence.services.rules import checked_reason, differences, locked, require, store, write

PLACE = ("code", "order")
"""What scenarios, patterns and items know a question by: nobody changes it."""
NUMBERS = ("prior_probability", "initial_probability", "midpoint_year", "midpoint_sd", "speed")
OUTCOMES = ("outcome_a", "outcome_b")
HYPOTHESIS_FIELDS = ("label", *OUTCOMES, *NUMBERS)


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

    Raises PermissionDenied, ValidationError, also for its code and order; StaleVersion, Conflict.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    row = locked(hypothesis, expected_version)
    changed = differences(row, changes, HYPOTHESIS_FIELDS)
    if not changed:
        return row
    guarded = {*NUMBERS, *(OUTCOMES if hypothesis_counts(row) else ())}
    weighs = not changed.keys().isdisjoint(guarded)
    if weighs:
        require(actor, Scope.WRITE_MODEL)
    reason = checked_reason(reason, needed=weighs)
    write(row, changed)
    row.full_clean(validate_constraints=False)  # the fields say the same
    row.version += 1
    store(row, actor=actor, reason=reason)
    audit_record(actor=actor, action="hypothesis.edit", subject=row, reason=reason, details={"fields": sorted(changed)})
    return row


def hypothesis_counts(hypothesis: Hypothesis) -> bool:
    """Whether approved items, which analyses use, are about it."""
    return hypothesis.items.filter(status=EvidenceStatus.APPROVED).exists()
