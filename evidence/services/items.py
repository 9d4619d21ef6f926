"""Writing items of evidence: new ones, changes of drafts, and drafts of changes of approved ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any
from unicodedata import normalize

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from accounts.audit import audit_record, audit_record_each
from accounts.models import User
from accounts.policies import Scope
from evidence.choices import EvidenceStatus
from evidence.models import Evidence, EvidenceRevision, Hypothesis, Source
from evidence.models.assessments import CONTENT, WEIGHING, Assessment
from evidence.quality import quality_of, weight_of
from evidence.services.rules import (
    BATCH,
    Conflict,
    checked_reason,
    created_store,
    differences,
    locked,
    refuse_unknown,
    remove,
    require,
    store,
    write,
)

RESERVED_IDS = ("import", "export")
"""Addresses beside those of items, which would hide items of these names."""


@dataclass
class ItemNames:
    """The names of items, to name new ones with one read of the table."""

    _taken: set[str]
    _last: dict[str, int] = field(default_factory=dict)

    @classmethod
    def held(cls, hypotheses: Iterable[Hypothesis]) -> ItemNames:
        """All names of these hypotheses' form; until the transaction's end nobody else numbers items of theirs.

        So two new items at once take two numbers.
        """
        rows = list(hypotheses)
        list(Hypothesis.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk").select_for_update())
        return cls.of(rows)

    @classmethod
    def of(cls, hypotheses: Iterable[Hypothesis]) -> ItemNames:
        """All names of these hypotheses' form as they are now, for who writes none."""
        forms = [Q(public_id__startswith=f"{row.code}-") for row in hypotheses]
        found = Evidence.objects.filter(reduce(or_, forms, Q())).values_list("public_id", flat=True)
        return cls(set(found.order_by("pk")))

    def reserve(self, names: Iterable[str]) -> None:
        """Give none of these out."""
        self._taken.update(names)

    def next(self, code: str) -> str:
        """`H1-121` after `H1-120`; taken with that."""
        if code not in self._last:
            form = re.compile(rf"{re.escape(code)}-(\d{{1,9}})\Z")
            self._last[code] = max((int(match[1]) for match in map(form.match, self._taken) if match), default=0)
        self._last[code] += 1
        return f"{code}-{self._last[code]:03d}"


@transaction.atomic
def evidence_create(*, actor: User, content: Mapping[str, Any], public_id: str = "", reason: str = "") -> Evidence:
    """A new draft with this content (see `CONTENT`; source and hypothesis as rows).

    Without a `public_id` it gets the next free number of its hypothesis. Raises PermissionDenied and ValidationError.
    """
    item = evidence_new(actor=actor, content=content, public_id=public_id)
    evidence_store(items=[item], actor=actor, reason=reason)
    return item


def evidence_new(
    *, actor: User, content: Mapping[str, Any], public_id: str = "", names: ItemNames | None = None
) -> Evidence:
    """What `evidence_create` makes, for `evidence_store` to store with others; its source may be new too.

    `names` are those of the stored items, where the caller has them at hand and knows that `public_id` is none of
    them. Raises PermissionDenied and ValidationError.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    item = Evidence(public_id=public_id, created_by=actor, updated_by=actor)
    refuse_unknown(content, CONTENT)
    write(item, _tidied(content))
    if not public_id and item.hypothesis_id is not None:
        item.public_id = (names or ItemNames.held([item.hypothesis])).next(item.hypothesis.code)
    id_check(item.public_id)
    _check(item, unique=names is None)
    return item


@transaction.atomic
def evidence_store(*, items: Sequence[Evidence], actor: User, reason: str = "") -> None:
    """Store items that `evidence_new` made. Raises ValidationError for the reason."""
    reason = checked_reason(reason, needed=False)
    created_store(items, actor=actor, reason=reason)
    named = {item: {"id": item.public_id} for item in items}
    audit_record_each(actor=actor, action="evidence.create", subjects=named, reason=reason)


@transaction.atomic
def evidence_edit(
    *,
    evidence: Evidence,
    actor: User,
    changes: Mapping[str, Any],
    reason: str = "",
    expected_version: int | None = None,
) -> Evidence:
    """Change what an item says; a reason is needed for what weighs in analyses (see `WEIGHING`).

    An item that is not approved becomes a draft again. An approved one goes on to count as it is: the change is
    written to its open revision, a new one if there is none, which becomes a draft. Only its words, where no revision
    is open, change at once. A revision that no longer differs from its item is dropped. What changes nothing is
    no change. Raises PermissionDenied, ValidationError, StaleVersion.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    item = locked(evidence, expected_version)
    revision = item.open_revision if item.status == EvidenceStatus.APPROVED else None
    changed = differences(revision or item, _tidied(changes), CONTENT)
    if not changed:
        return item
    weighs = not changed.keys().isdisjoint(WEIGHING)
    reason = checked_reason(reason, needed=weighs)
    audit_record(actor=actor, action="evidence.edit", subject=item, reason=reason, details={"fields": sorted(changed)})
    if item.status == EvidenceStatus.APPROVED and (weighs or revision):
        _revise(item, revision, changed, actor, reason)
        version_bump(item)
        return item
    if item.status != EvidenceStatus.APPROVED:
        item.status = EvidenceStatus.DRAFT
    write(item, changed)
    item.updated_by = actor
    _check(item)
    item.version += 1
    store(item, actor=actor, reason=reason)
    return item


@transaction.atomic
def evidence_delete(*, evidence: Evidence, actor: User, reason: str = "", expected_version: int | None = None) -> None:
    """Delete an item that was never approved; what has counted once is retired instead.

    Raises PermissionDenied, Conflict, StaleVersion.
    """
    require(actor, Scope.DELETE_EVIDENCE)
    item = locked(evidence, expected_version)
    if item.history.filter(status=EvidenceStatus.APPROVED).exists():
        raise Conflict(f"{item} has counted in analyses; retire it instead.")
    reason = checked_reason(reason, needed=False)
    audit_record(actor=actor, action="evidence.delete", subject=item, reason=reason, details={"id": item.public_id})
    remove(item, actor=actor, reason=reason)


def version_bump(item: Evidence) -> None:
    """Count a change of the item's revision as one of the item, without a record in the item's own history."""
    item.version += 1
    Evidence.objects.filter(pk=item.pk).update(version=item.version)


@transaction.atomic
def quality_refresh(*, source: Source | None = None) -> int:
    """Bring stored quality and weight of a source's items, or of all items, in line with dates and configuration.

    Answers how many, with their revisions, had others before.
    """
    return sum(_refresh(model, source) for model in (Evidence, EvidenceRevision))


def _refresh(model: type[Evidence] | type[EvidenceRevision], source: Source | None) -> int:
    rows = model._default_manager.select_related("source").select_for_update(of=("self",))
    changed = [row for row in (rows.filter(source=source) if source else rows) if rescore(row)]
    model._default_manager.bulk_update(changed, ["quality", "weight"], batch_size=BATCH)  # type: ignore[arg-type]
    return len(changed)


def rescore(row: Assessment) -> bool:
    """Set the quality and the weight that follow from scores and the source's date; whether they were others."""
    before = row.quality, row.weight
    row.quality = quality_of(
        authority=row.authority,
        methodology=row.methodology,
        recency=row.recency,
        replication=row.replication,
        publication_date=row.source.publication_date,
    )
    row.weight = weight_of(
        direction=row.direction, strength=row.strength, quality=row.quality, replication=row.replication
    )
    return before != (row.quality, row.weight)


def group_name(text: str) -> str:
    """The name of a dependency group as it is stored: the same for all ways to type its letters and spaces."""
    return " ".join(normalize("NFKC", text).split())


def id_check(public_id: str) -> None:
    """Raise ValidationError for an id that no item may have."""
    if public_id in RESERVED_IDS:
        raise ValidationError({"public_id": ValidationError("This name is not free.", code="reserved")})


def _tidied(content: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be written, with the name of its group as it is stored."""
    group = content.get("dependency_group")
    return {**content, "dependency_group": group_name(group)} if isinstance(group, str) else dict(content)


def _check(row: Assessment, *, unique: bool = True) -> None:
    """Validate the row and set quality and weight, which only valid scores have. Raises ValidationError."""
    people = {"created_by", "updated_by", "reviewed_by"}
    given = {
        name
        for name in ("source", "hypothesis", "evidence")
        if row._state.fields_cache.get(name) or getattr(row, f"{name}_id", None)
    }
    unnamed = {"public_id"} if getattr(row, "public_id", None) == "" else set()  # for want of a hypothesis
    # The fields' own checks say all that the database's constraints would, at a tenth of the time.
    exclude = {*people, *given, *unnamed, "quality"}
    row.full_clean(exclude=exclude, validate_unique=unique, validate_constraints=False)
    rescore(row)


def _revise(
    item: Evidence, revision: EvidenceRevision | None, changed: Mapping[str, Any], actor: User, reason: str
) -> None:
    if revision is None:
        revision = EvidenceRevision(evidence=item, created_by=actor, **item.content)
    write(revision, changed)
    revision.status = EvidenceStatus.DRAFT
    revision.updated_by = actor
    revision.reason = reason or revision.reason
    if revision.content == item.content:
        if revision.pk is not None:
            remove(revision, actor=actor, reason=reason)
        return
    _check(revision)
    store(revision, actor=actor, reason=reason)
