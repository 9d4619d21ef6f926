"""Whole evidence files into the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, transaction
from django.utils import timezone
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from accounts.audit import audit_record
from accounts.models import User
from evidence.choices import EvidenceStatus
from evidence.documents import EvidenceDocument, EvidenceError, EvidenceItemDocument, Fault, SourceDocument, handles_of
from evidence.duplicates import SourceIndex
from evidence.models import Evidence, Hypothesis, Source
from evidence.quality import quality_of, weight_of
from evidence.services.items import group_name, id_check, quality_refresh
from evidence.services.reviews import revisions_reject
from evidence.services.rules import BATCH
from evidence.services.sources import source_check

RowT = TypeVar("RowT", bound=models.Model)

_REASON = "Loaded from an evidence file."


@dataclass(frozen=True)
class Counts:
    """How many rows a load made, changed and left as they were."""

    created: int
    updated: int
    unchanged: int

    def __str__(self) -> str:
        return f"{self.created} created, {self.updated} updated, {self.unchanged} unchanged"


@dataclass(frozen=True)
class EvidenceLoad:
    """What a load did to sources and to items of evidence."""

    sources: Counts
    items: Counts


@transaction.atomic
def evidence_load(*, document: EvidenceDocument, actor: User | None = None) -> EvidenceLoad:
    """Make the database say what the file says about its items and their sources, whole or not at all.

    Each publication is stored once. New items are approved: the file is a reviewed baseline. An item that is already
    there takes the file's content and keeps its place in review, and its open revision, which was written for other
    content, is rejected; what the file does not mention stays as it is.
    Raises EvidenceError naming each item that single writing would refuse, too: for its id, its hypothesis or its
    source, or for a source that does not fit those stored.
    """
    # The lock makes two loads at once come one after the other. There is no full_clean of items here: the document's
    # types have checked every value, and the database's constraints do so again.
    hypotheses = {row.code: row for row in Hypothesis.objects.select_for_update()}
    faults = [*_unknown_hypotheses(document, hypotheses), *_refused(document)]
    sources = _matching_sources(document, faults)
    if faults:
        raise EvidenceError(faults)
    source_counts = _store_sources(sources, actor)
    item_counts = _store_items(document, hypotheses, sources, actor)
    quality_refresh()
    load = EvidenceLoad(source_counts, item_counts)
    audit_record(actor=actor, action="evidence.load", details={"name": document.name, **asdict(load)})
    return load


def _unknown_hypotheses(document: EvidenceDocument, hypotheses: Mapping[str, Hypothesis]) -> Iterator[Fault]:
    for index, item in enumerate(document.items):
        if item.hypothesis not in hypotheses:
            known = ", ".join(hypotheses) or "none yet"
            yield Fault(f"items[{index}].hypothesis", f"unknown hypothesis {item.hypothesis!r}; known are {known}")


def _refused(document: EvidenceDocument) -> Iterator[Fault]:
    """What the services of single items and sources would not take."""
    checked: set[SourceDocument] = set()
    for index, item in enumerate(document.items):
        yield from _faults(f"items[{index}]", {"public_id": "id"}, partial(id_check, item.id))
        if item.source not in checked:
            checked.add(item.source)
            row = Source(**item.source.model_dump())
            yield from _faults(f"items[{index}].source", {}, partial(source_check, row))


def _faults(path: str, names: Mapping[str, str], check: Callable[[], None]) -> Iterator[Fault]:
    """What a check says, under the names that the file has for the fields."""
    try:
        check()
    except ValidationError as error:
        for field, found in error.update_error_dict({}).items():
            place = path if field == NON_FIELD_ERRORS else f"{path}.{names.get(field, field)}"
            yield from (Fault(place, message) for each in found for message in each.messages)


def _matching_sources(document: EvidenceDocument, faults: list[Fault]) -> dict[SourceDocument, Source]:
    """The row of every publication in the file: the stored one, however it is written there, or a new one."""
    known = {row.key: row for row in Source.objects.order_by("pk")}
    handles = {handle: key for key, row in known.items() for handle in handles_of(row)}
    marks = SourceIndex.of(known.values())
    rows: dict[SourceDocument, Source] = {}
    taken: dict[str, int] = {}
    for index, source in enumerate(item.source for item in document.items):
        if source in rows:
            continue
        written_so = [handles[handle] for handle in handles_of(source) if handle in handles]
        keys = list(dict.fromkeys(written_so)) or marks.same(url=source.url, identifier=source.identifier)
        if len(keys) > 1:
            words = f"stands for more than one stored source: {' and '.join(map(repr, keys))}"
            faults.append(Fault(f"items[{index}].source", words))
        elif keys and keys[0] in taken:
            words = f"is that of items[{taken[keys[0]]}], {keys[0]!r}, described in another way"
            faults.append(Fault(f"items[{index}].source", words))
        rows[source] = known[keys[0]] if keys else Source(key=source.key, **source.model_dump())
        if not keys:
            known[source.key] = rows[source]
            marks.add(rows[source])
        taken.update(dict.fromkeys(keys or [source.key], index))
    return rows


def _store_sources(sources: Mapping[SourceDocument, Source], actor: User | None) -> Counts:
    changes = _Changes((row, source.model_dump()) for source, row in sources.items())
    changes.store(Source, list(SourceDocument.model_fields), actor)
    return changes.counts


def _store_items(
    document: EvidenceDocument,
    hypotheses: Mapping[str, Hypothesis],
    sources: Mapping[SourceDocument, Source],
    actor: User | None,
) -> Counts:
    stored = Evidence.objects.select_for_update().in_bulk([item.id for item in document.items], field_name="public_id")
    values = {item.id: _values(item, hypotheses[item.hypothesis], sources[item.source]) for item in document.items}
    changes = _Changes((stored.get(key) or Evidence(public_id=key), row) for key, row in values.items())
    for row in changes.created:
        row.status = EvidenceStatus.APPROVED
        row.created_by = row.updated_by = actor
    for row in changes.updated:
        row.updated_by, row.updated_at = actor, timezone.now()
    revisions_reject(items=changes.updated, actor=actor, reason="The item was loaded anew from an evidence file.")
    changes.store(Evidence, [*next(iter(values.values())), "updated_by", "updated_at"], actor)
    return changes.counts


def _values(item: EvidenceItemDocument, hypothesis: Hypothesis, source: Source) -> dict[str, Any]:
    scores = item.quality_scores.model_dump()
    quality = quality_of(**scores, publication_date=source.publication_date)
    return {
        "source_id": source.pk,
        "hypothesis_id": hypothesis.pk,
        "direction": item.direction,
        "strength": item.strength,
        **scores,
        "description": item.description,
        "rationale": item.rationale,
        "dependency_group": group_name(item.dependency_group),
        "quality": quality,
        "weight": weight_of(
            direction=item.direction,
            strength=item.strength,
            quality=quality,
            replication=item.quality_scores.replication,
        ),
    }


class _Changes(Generic[RowT]):
    """Rows with their new values set, sorted by whether they are new, changed or as they were."""

    def __init__(self, pairs: Iterable[tuple[RowT, Mapping[str, Any]]]) -> None:
        self.created: list[RowT] = []
        self.updated: list[RowT] = []
        self.unchanged = 0
        for row, values in pairs:
            differs = any(getattr(row, field) != value for field, value in values.items())
            for field, value in values.items():
                setattr(row, field, value)
            if row.pk is None:
                self.created.append(row)
            elif differs:
                self.updated.append(row)
            else:
                self.unchanged += 1

    def store(self, model: type[RowT], fields: list[str], actor: User | None) -> None:
        """Write the new rows, and these fields of the changed ones, with their histories."""
        for row in self.updated:
            row.version += 1  # type: ignore[attr-defined]
        how: dict[str, Any] = {"batch_size": BATCH, "default_user": actor, "default_change_reason": _REASON}
        bulk_create_with_history(self.created, model, **how)
        bulk_update_with_history(self.updated, model, [*fields, "version"], **how)

    @property
    def counts(self) -> Counts:
        return Counts(len(self.created), len(self.updated), self.unchanged)
