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
from analysis.services.model_documents import supposed_document_build
from evidence.models import Hypothesis
from evidence.services.rules import checked_reason, differences, locked, remove, require, store, write

INFLUENCE_FIELDS = ("strength", "description")
CLUSTER_FIELDS = ("name", "pattern", "colour")

RowT = TypeVar("RowT", Influence, ScenarioCluster)


def network_hold() -> None:
    """Until the transaction's end nobody else changes the influences or the clusters. Within a transaction.

    A statement of its own, on rows that are always there: whatever is read after it shows what others did before. A
    lock on the rows that are to be counted would not show those that were added while it waited.
    """
    list(Hypothesis.objects.order_by("pk").select_for_update(no_key=True))


@transaction.atomic
def influence_create(
    *,
    actor: User,
    source: Hypothesis,
    source_outcome: str,
    target: Hypothesis,
    target_outcome: str,
    strength: float,
    description: str = "",
    order: int | None = None,
    reason: str,
) -> Influence:
    """A new influence, the last in order, or at a place that is free. Raises PermissionDenied, ValidationError."""
    require(actor, Scope.WRITE_MODEL)
    reason = checked_reason(reason)
    network_hold()
    taken = {row.order for row in Influence.objects.all()}
    row = Influence(
        order=max(taken, default=0) + 1 if order is None or order in taken else order,
        source=source,
        source_outcome=source_outcome,
        target=target,
        target_outcome=target_outcome,
        strength=strength,
        description=description,
    )
    return _stored(row, actor=actor, reason=reason, action="influence.create", details={"influence": str(row)})


@transaction.atomic
def influence_delete(*, influence: Influence, actor: User, reason: str) -> None:
    """Take an influence out of the network; its history stays. Raises PermissionDenied, ValidationError."""
    _remove(influence, actor=actor, reason=reason, action="influence.delete", fields=INFLUENCE_FIELDS)


@transaction.atomic
def influence_edit(
    *, influence: Influence, actor: User, changes: Mapping[str, Any], reason: str, seen: int | None = None
) -> Influence:
    """Change an influence's strength or description. What it joins stays: that would be another influence.

    `seen` is the `version_of` it that the writer looked at; None does not mind. Raises PermissionDenied,
    ValidationError, StaleVersion, Conflict.
    """
    return _edit(
        influence,
        actor=actor,
        changes=changes,
        fields=INFLUENCE_FIELDS,
        reason=reason,
        seen=seen,
        action="influence.edit",
    )


@transaction.atomic
def cluster_create(
    *, actor: User, name: str, pattern: str, colour: str, order: int | None = None, reason: str
) -> ScenarioCluster:
    """A new cluster at a place from 1, by default the last but one: the last takes what is left over.

    Those behind it move on by one. Raises PermissionDenied, ValidationError.
    """
    require(actor, Scope.WRITE_MODEL)
    reason = checked_reason(reason)
    network_hold()
    rows = list(ScenarioCluster.objects.all())
    place = max(len(rows), 1) if order is None else order
    if not 1 <= place <= len(rows) + 1:
        raise ValidationError({"order": f"Should lie between 1 and {len(rows) + 1}."})
    row = ScenarioCluster(name=name, pattern=pattern, colour=colour, order=place)
    for number, other in enumerate(rows, 1):
        _move(other, number + (number >= place), actor, reason)
    return _stored(row, actor=actor, reason=reason, action="cluster.create", details={"cluster": str(row)})


@transaction.atomic
def cluster_delete(*, cluster: ScenarioCluster, actor: User, reason: str) -> None:
    """Take a cluster away: its scenarios go to the next that they fit, so the last one, which takes all, stays.

    Raises PermissionDenied, ValidationError.
    """
    _remove(cluster, actor=actor, reason=reason, action="cluster.delete", fields=CLUSTER_FIELDS)


@transaction.atomic
def cluster_edit(
    *, cluster: ScenarioCluster, actor: User, changes: Mapping[str, Any], reason: str, seen: int | None = None
) -> ScenarioCluster:
    """Change a cluster's name, pattern or colour; the model must still have a place for every scenario.

    `seen` is the `version_of` it that the writer looked at; None does not mind. Raises PermissionDenied,
    ValidationError, StaleVersion, Conflict.
    """
    return _edit(
        cluster,
        actor=actor,
        changes=changes,
        fields=CLUSTER_FIELDS,
        reason=reason,
        seen=seen,
        action="cluster.edit",
    )


def _edit(
    given: RowT,
    *,
    actor: User,
    changes: Mapping[str, Any],
    fields: tuple[str, ...],
    reason: str,
    seen: int | None,
    action: str,
) -> RowT:
    require(actor, Scope.WRITE_MODEL)
    network_hold()
    row = locked(given, seen)
    reason = checked_reason(reason)
    changed = differences(row, changes, fields)
    if not changed:
        return row
    details = {field: [getattr(row, field), value] for field, value in changed.items()}
    write(row, changed)
    return _stored(row, actor=actor, reason=reason, action=action, details=details)


def _stored(row: RowT, *, actor: User, reason: str, action: str, details: Mapping[str, Any]) -> RowT:
    row.full_clean()
    store(row, actor=actor, reason=reason)
    _check_model()
    audit_record(actor=actor, action=action, subject=row, reason=reason, details=details)
    return row


def _remove(given: RowT, *, actor: User, reason: str, action: str, fields: tuple[str, ...]) -> None:
    require(actor, Scope.WRITE_MODEL)
    reason = checked_reason(reason)
    network_hold()
    row = locked(given, None)
    details = {"deleted": str(row), **{field: getattr(row, field) for field in fields}}
    audit_record(actor=actor, action=action, subject=row, reason=reason, details=details)
    remove(row, actor=actor, reason=reason)
    _check_model()


def _move(cluster: ScenarioCluster, order: int, actor: User, reason: str) -> None:
    if cluster.order != order:
        cluster.order = order
        store(cluster, actor=actor, reason=reason)


def _check_model() -> None:
    """Raise ValidationError where the database's model makes no valid document any more; evidence has no part in it."""
    try:
        supposed_document_build(evidence=())
    except ModelError as error:
        raise ValidationError([str(fault) for fault in error.faults]) from None
