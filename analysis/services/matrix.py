"""The causal network as one matrix: many influences changed at once, for one reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from accounts.policies import Scope
from analysis.models import Influence
from analysis.services.network import influence_create, influence_delete, influence_edit, network_hold
from evidence.models import Hypothesis
from evidence.services.rules import StaleVersion, checked_reason, require


class Edge(NamedTuple):
    """What an influence joins: primary keys of two hypotheses, each with the letter of an outcome."""

    source: int
    source_outcome: str
    target: int
    target_outcome: str


Strengths = Mapping[Edge, float]
"""The influences that there are, each with its strength in nats, 0 to 1."""


def network_strengths() -> dict[Edge, float]:
    """The network as it is."""
    return {_edge(row): row.strength for row in Influence.objects.all()}


def network_version() -> int:
    """The number of the newest record in the influences' history; 0 before there is any."""
    newest = Influence.history.order_by("-history_id").values_list("history_id", flat=True).first()
    return newest or 0


def network_strengths_at(version: int) -> dict[Edge, float]:
    """The network as it was after the record of that number. What joins a hypothesis that is gone is left out."""
    known = set(Hypothesis.objects.values_list("pk", flat=True))
    records = Influence.history.filter(history_id__lte=version).order_by("history_id")
    newest = {record.id: record for record in records}
    return {
        _edge(record): record.strength
        for record in newest.values()
        if record.history_type != "-" and {record.source_id, record.target_id} <= known
    }


@transaction.atomic
def network_edit(*, strengths: Strengths, actor: User, reason: str, seen: int | None = None) -> int:
    """Make the network that of `strengths`, and answer how many influences were changed, added or deleted.

    What is deleted goes first and what grows last, so that no step is heavier than the end. `seen` is the
    `network_version` that the writer looked at; None does not mind. An influence that was there before gets its last
    description back, and its place where that is free. Raises PermissionDenied, ValidationError, StaleVersion.
    """
    require(actor, Scope.WRITE_MODEL)
    network_hold()
    rows = {_edge(row): row for row in Influence.objects.all()}
    if seen is not None and seen != network_version():
        raise StaleVersion("The network has been changed meanwhile; look at it again.")
    reason = checked_reason(reason)
    for edge in rows.keys() - strengths.keys():
        influence_delete(influence=rows[edge], actor=actor, reason=reason)
    edited = [edge for edge in rows.keys() & strengths.keys() if rows[edge].strength != strengths[edge]]
    for edge in sorted(edited, key=lambda edge: strengths[edge] - rows[edge].strength):
        influence_edit(influence=rows[edge], actor=actor, changes={"strength": strengths[edge]}, reason=reason)
    new = sorted(strengths.keys() - rows.keys())
    hypotheses = Hypothesis.objects.in_bulk() if new else {}
    known = {_edge(record): record for record in Influence.history.order_by("history_id")} if new else {}
    for edge in new:
        if not {edge.source, edge.target} <= hypotheses.keys():
            raise ValidationError("An influence joins two hypotheses of the model.")
        influence_create(
            actor=actor,
            source=hypotheses[edge.source],
            source_outcome=edge.source_outcome,
            target=hypotheses[edge.target],
            target_outcome=edge.target_outcome,
            strength=strengths[edge],
            description=known[edge].description if edge in known else "",
            order=known[edge].order if edge in known else None,
            reason=reason,
        )
    return len(rows.keys() - strengths.keys()) + len(edited) + len(new)


def _edge(row: Influence) -> Edge:
    """Of an influence or of a record of one."""
    return Edge(row.source_id, row.source_outcome, row.target_id, row.target_outcome)
