"""Wording the scenarios: for admins. Titles and narratives bear on no number, so a reason is welcome but not needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from analysis.models import Scenario
from evidence.services.rules import checked_reason, differences, locked, require, store, write

SCENARIO_FIELDS = ("title", "narrative")


@transaction.atomic
def scenario_edit(
    *, scenario: Scenario, actor: User, changes: Mapping[str, Any], reason: str = "", seen: int | None = None
) -> Scenario:
    """Change a scenario's title or narrative. `seen` is the `version_of` it that the writer looked at.

    Raises PermissionDenied, ValidationError, StaleVersion, Conflict.
    """
    require(actor, Scope.WRITE_MODEL)
    row = locked(scenario, seen)
    reason = checked_reason(reason, needed=False)
    changed = differences(row, changes, SCENARIO_FIELDS)
    if not changed:
        return row
    write(row, changed)
    row.full_clean()
    store(row, actor=actor, reason=reason)
    audit_record(actor=actor, action="scenario.edit", subject=row, reason=reason, details={"fields": sorted(changed)})
    return row
