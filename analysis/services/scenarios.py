"""Wording the scenarios: for admins. Titles and narratives bear on no number, so a reason is welcome but not needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from analysis.models import Scenario
from evidence.services.rules import checked_reason, differences, require, store, write

SCENARIO_FIELDS = ("title", "narrative")


@transaction.atomic
def scenario_edit(*, scenario: Scenario, actor: User, changes: Mapping[str, Any], reason: str = "") -> Scenario:
    """Change a scenario's title or narrative. Raises PermissionDenied, ValidationError."""
    require(actor, Scope.WRITE_MODEL)
    row = Scenario.objects.select_for_update().get(pk=scenario.pk)
    reason = checked_reason(reason, needed=False)
    changed = differences(row, changes, SCENARIO_FIELDS)
    if not changed:
        return row
    write(row, changed)
    row.full_clean()
    store(row, actor=actor, reason=reason)
    audit_record(actor=actor, action="scenario.edit", subject=row, reason=reason, details={"fields": sorted(changed)})
    return row
