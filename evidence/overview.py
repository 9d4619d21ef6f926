"""The state of the evidence base at a glance, for who looks after it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Abs

from accounts.models import User
from evidence.choices import Direction, EvidenceStatus
from evidence.models import Evidence, EvidenceRevision, Hypothesis, Source

SHOWN = 6
"""Rows of every short list."""
LEANS = 0.25
"""From which share on a hypothesis is said to hang on one source."""


class Leading(NamedTuple):
    """The source that carries most of a hypothesis: its share of the sources' absolute net weights, 0 to 1."""

    source: Source
    share: float

    @property
    def is_much(self) -> bool:
        """Whether the hypothesis hangs on it."""
        return self.share >= LEANS


@dataclass(frozen=True)
class Line:
    """A hypothesis with its approved items by outcome, what is on its way, and what it hangs on.

    `net` is the sum of the stored weights of evidence in nats, above 0 for outcome A, before discounts;
    `unreplicated` the approved items that nobody has replicated.
    """

    hypothesis: Hypothesis
    for_a: int
    for_b: int
    net: float
    drafts: int
    waiting: int
    unreplicated: int
    leading: Leading | None


class Waiting(NamedTuple):
    """An item, or a change of one, that waits for review."""

    item: Evidence
    kind: str
    since: datetime
    by: User | None


def hypothesis_lines() -> list[Line]:
    """Every hypothesis, in order. Four queries."""
    groups = Evidence.objects.order_by().values("hypothesis", "status", "direction")
    bare = Count("pk", filter=Q(replication=0))
    counted: dict[int, list[Any]] = defaultdict(list)
    for group in groups.annotate(items=Count("pk"), net=Sum("weight"), bare=bare):
        counted[group["hypothesis"]].append(group)
    leading = _leading()
    return [_line(row, counted[row.pk], leading.get(row.pk)) for row in Hypothesis.objects.all()]


def _line(row: Hypothesis, groups: list[Any], leading: Leading | None) -> Line:
    def total(name: str, status: EvidenceStatus, direction: str = "") -> float:
        chosen = [group for group in groups if group["status"] == status and group["direction"] in (direction or "AB")]
        return sum(group[name] for group in chosen)

    approved = EvidenceStatus.APPROVED
    return Line(
        hypothesis=row,
        for_a=int(total("items", approved, Direction.A)),
        for_b=int(total("items", approved, Direction.B)),
        net=total("net", approved),
        drafts=int(total("items", EvidenceStatus.DRAFT)),
        waiting=int(total("items", EvidenceStatus.SUBMITTED)),
        unreplicated=int(total("bare", approved)),
        leading=leading,
    )


def _leading() -> dict[int, Leading]:
    """By hypothesis, the source with the largest net weight, of either sign."""
    weights = (
        Evidence.objects.approved().order_by().values_list("hypothesis", "source").annotate(net=Abs(Sum("weight")))
    )
    totals: dict[int, float] = defaultdict(float)
    largest: dict[int, tuple[float, int]] = {}
    for hypothesis, source, net in weights:
        totals[hypothesis] += net
        largest[hypothesis] = max(largest.get(hypothesis, (0.0, 0)), (net, source))
    found = {pk: (net, source) for pk, (net, source) in largest.items() if net > 0}
    sources = Source.objects.in_bulk([source for _, source in found.values()])
    return {pk: Leading(sources[source], net / totals[pk]) for pk, (net, source) in found.items()}


def waiting_for_review() -> tuple[list[Waiting], int]:
    """What waits for review, the longest first and `SHOWN` at most, and how much there is. Four queries."""
    items = _submitted(Evidence.objects.all()).select_related("updated_by")
    changes = _submitted(EvidenceRevision.objects.all()).select_related("evidence", "updated_by")
    found = [Waiting(row, "new", row.updated_at, row.updated_by) for row in items[:SHOWN]]
    found += [Waiting(row.evidence, "change", row.updated_at, row.updated_by) for row in changes[:SHOWN]]
    return sorted(found, key=lambda each: each.since)[:SHOWN], items.count() + changes.count()


def _submitted(rows: QuerySet) -> QuerySet:
    return rows.filter(status=EvidenceStatus.SUBMITTED).order_by("updated_at", "pk")


def oldest_sources() -> list[Source]:
    """The publications behind approved items that are the oldest."""
    items = Evidence.objects.approved().filter(source=OuterRef("pk"))
    return list(Source.objects.filter(Exists(items)).order_by("publication_date", "pk")[:SHOWN])


def heaviest_unreplicated() -> list[Evidence]:
    """The approved items without replication that weigh most."""
    rows = Evidence.objects.approved().filter(replication=0).select_related("hypothesis", "source")
    return list(rows.order_by(Abs("weight").desc(), "pk")[:SHOWN])
