"""Changing the causal network and the families of scenarios: for admins, with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from analysis.engine.spec import ModelError
from analysis.models import Influence, ScenarioCluster
from analysis.services.model_documents import model_document_build
from evidence.services.rules import checked_reason, differences, require, store, write

INFLUENCE_FIELDS = ("strength", "description")
CLUSTER_FIELDS = ("name", "pattern", "colour")

RowT = TypeVar("RowT", Influence, ScenarioCluster)


@transaction.atomic
def influence_edit(*, influence: Influence, actor: User, changes: Mapping[str, Any], reason: str) -> Influence:
    """Change an influence's strength or description. What it joins stays: that would be another influence.

    Raises PermissionDenied, ValidationError.
    """
    return _edit(
        influence, actor=actor, changes=changes, fields=INFLUENCE_FIELDS, reason=reason, action="influence.edit"
    )


@transaction.atomic
def cluster_edit(*, cluster: ScenarioCluster, actor: User, changes: Mapping[str, Any], reason: str) -> ScenarioCluster:
    """Change a cluster's name, pattern or colour; the model must still have a place for every scenario.

    Raises PermissionDenied, ValidationError.
    """
    return _edit(cluster, actor=actor, changes=changes, fields=CLUSTER_FIELDS, reason=reason, action="cluster.edit")


def _edit(
    given: RowT, *, actor: User, changes: Mapping[str, Any], fields: tuple[str, ...], reason: str, action: str
) -> RowT:
    require(actor, Scope.WRITE_MODEL)
    row = type(given).objects.select_for_update().get(pk=given.pk)
    reason = checked_reason(reason)
    changed = differences(row, changes, fields)
    if not changed:
        return row
    before = {field: getattr(row, field) for field in changed}
    write(row, changed)
    row.full_clean()
    store(row, actor=actor, reason=reason)
    _check_model()
    details = {field: [before[field], value] for field, value in changed.items()}
    audit_record(actor=actor, action=action, subject=row, reason=reason, details=details)
    return row


def _check_model() -> None:
    """Raise ValidationError where the database's model makes no valid document any more."""
    try:
        model_document_build()
    except ModelError as error:
        raise ValidationError([str(fault) for fault in error.faults]) from None
