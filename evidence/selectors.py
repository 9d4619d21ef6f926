"""Reads of the evidence base. Each takes the user who asks, and answers what they may see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypedDict

from django.db.models import Count, Q

from accounts.policies import Asker, Scope, may
from evidence.choices import EvidenceStatus
from evidence.models import Evidence, EvidenceRevision, Hypothesis, Source
from evidence.models.assessments import CONTENT
from evidence.querysets import EvidenceQuerySet, HypothesisQuerySet, SourceQuerySet
from evidence.search import evidence_matches, source_matches


class EvidenceFilters(TypedDict, total=False):
    """What a list of items can be narrowed by. `q` are words that all occur, each in any of the texts."""

    hypothesis: str
    min_quality: float
    direction: str
    status: str
    source_type: str
    source: str
    dependency_group: str
    published_after: date
    published_before: date
    q: str


_LOOKUPS = {
    "hypothesis": "hypothesis__code",
    "min_quality": "quality__gte",
    "direction": "direction",
    "status": "status",
    "source_type": "source__source_type",
    "source": "source__key",
    "dependency_group": "dependency_group",
    "published_after": "source__publication_date__gte",
    "published_before": "source__publication_date__lte",
}


def evidence_list(*, user: Asker, filters: EvidenceFilters | None = None) -> EvidenceQuerySet:
    """The items that the user may see and that pass all filters; with open revisions for who may see drafts."""
    chosen = dict(filters or {})
    words = str(chosen.pop("q", ""))
    items = Evidence.objects.visible_to(user).select_related(
        "source", "hypothesis", "created_by", "updated_by", "reviewed_by"
    )
    items = items.filter(evidence_matches(words), **{_LOOKUPS[name]: value for name, value in chosen.items()})
    return items.with_open_revision() if may(user, Scope.READ_DRAFTS) else items


def evidence_by_id(*, user: Asker, public_id: str) -> Evidence:
    """The item of that name. Raises Evidence.DoesNotExist, also where the user may not see it."""
    return evidence_list(user=user).get(public_id=public_id)


def source_list(*, user: Asker, source_type: str = "", q: str = "") -> SourceQuerySet:
    """Publications, each with `number_of_items`, those that the user may see."""
    visible = Evidence.objects.visible_to(user).values("pk")
    sources = Source.objects.visible_to(user).filter(source_matches(q))
    if source_type:
        sources = sources.filter(source_type=source_type)
    return sources.annotate(number_of_items=Count("items", filter=Q(items__in=visible)))


def hypothesis_list(*, user: Asker) -> HypothesisQuerySet:
    """The questions, in order."""
    return Hypothesis.objects.visible_to(user)


@dataclass(frozen=True)
class FieldChange:
    """What a field was and became, in the words of the API: codes of hypotheses, keys of sources."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class HistoryEntry:
    """One record of an item's history: of the item itself, or of a revision of it."""

    at: datetime
    by: str | None
    reason: str
    of: str
    event: str
    status: str
    changes: tuple[FieldChange, ...]


_EVENTS = {"+": "created", "~": "changed", "-": "deleted"}
_TRACKED = (*CONTENT, "status")
_STORED = {"hypothesis": "hypothesis_id", "source": "source_id"}


def evidence_history(*, user: Asker, evidence: Evidence) -> list[HistoryEntry]:
    """Who changed what of an item and its revisions, when and why, the newest first.

    Who may not see drafts sees the item's approved states only.
    """
    drafts = may(user, Scope.READ_DRAFTS)
    records = evidence.history.select_related("history_user")
    own = list(records if drafts else records.filter(status=EvidenceStatus.APPROVED))
    revised = EvidenceRevision.history.filter(evidence_id=evidence.pk).select_related("history_user")
    series: dict[int | None, list[Any]] = {None: own}
    for record in revised if drafts else ():
        series.setdefault(record.id, []).append(record)
    names = _names([record for records in series.values() for record in records])
    entries = [
        entry for revision, records in series.items() for entry in _entries(records, names, is_item=revision is None)
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _names(records: Iterable[Any]) -> dict[str, dict[int, str]]:
    """Codes and keys of the hypotheses and sources that the records mention, also of sources that are gone."""
    records = list(records)
    hypotheses = Hypothesis.objects.filter(pk__in={record.hypothesis_id for record in records})
    sources = Source.history.filter(id__in={record.source_id for record in records}).order_by().distinct()
    return {
        "hypothesis": dict(hypotheses.values_list("pk", "code")),
        "source": dict(sources.values_list("id", "key")),
    }


def _entries(records: Iterable[Any], names: dict[str, dict[int, str]], *, is_item: bool) -> Iterator[HistoryEntry]:
    """The records of one row, oldest first, each with what it changed."""
    before: dict[str, Any] = {}
    for record in sorted(records, key=lambda record: (record.history_date, record.history_id)):
        state = {field: _value(record, field, names) for field in _TRACKED}
        changed = [field for field in _TRACKED if state[field] != before.get(field)]
        yield HistoryEntry(
            at=record.history_date,
            by=record.history_user.get_username() if record.history_user else None,
            reason=record.history_change_reason or "",
            of="item" if is_item else "revision",
            event=_EVENTS[record.history_type],
            status=record.status,
            changes=tuple(FieldChange(field, before.get(field), state[field]) for field in changed),
        )
        before = state


def _value(record: Any, field: str, names: dict[str, dict[int, str]]) -> Any:
    value = getattr(record, _STORED.get(field, field))
    return names[field].get(value) if field in names else value
