"""Writing publications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.audit import audit_record, audit_record_each
from accounts.models import User
from accounts.policies import Scope
from evidence.choices import EvidenceStatus
from evidence.documents import source_key
from evidence.duplicates import SourceIndex
from evidence.identifiers import identifier_fault
from evidence.models import Evidence, Source
from evidence.services.items import quality_refresh
from evidence.services.reviews import drafts_reopen
from evidence.services.rules import (
    checked_reason,
    created_store,
    differences,
    locked,
    refuse_unknown,
    require,
    store,
    write,
)

DETAILS = ("title", "authors", "publisher", "source_type", "publication_date", "url", "identifier")
EARLIEST = date(1900, 1, 1)
AHEAD = timedelta(days=366)
"""Journals date issues ahead, by less than a year."""
WEIGHING_DETAILS = ("source_type", "publication_date", "url", "identifier")
"""What its items get their weight and their name in model documents from."""


@transaction.atomic
def source_create(*, actor: User, details: Mapping[str, Any], reason: str = "") -> Source:
    """A new publication, with its key.

    Raises PermissionDenied, and ValidationError also for a publication that is stored already, however its address or
    identifier is written.
    """
    source = source_new(actor=actor, details=details, index=SourceIndex.of(Source.objects.all()))
    sources_store(sources=[source], actor=actor, reason=reason)
    return source


def source_new(*, actor: User, details: Mapping[str, Any], index: SourceIndex) -> Source:
    """What `source_create` makes, for `sources_store` to store with others. `index` holds the known publications.

    Raises PermissionDenied and ValidationError.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    refuse_unknown(details, DETAILS)
    source = Source(**details)
    source.key = source_key(url=source.url, identifier=source.identifier)
    source_check(source)
    _check_place(source, index)
    if source.key in index:
        raise _duplicate([source.key])
    return source


@transaction.atomic
def sources_store(*, sources: Sequence[Source], actor: User, reason: str = "") -> None:
    """Store publications that `source_new` made. Raises ValidationError for the reason."""
    reason = checked_reason(reason, needed=False)
    created_store(sources, actor=actor, reason=reason)
    audit_record_each(actor=actor, action="source.create", subjects={each: {} for each in sources}, reason=reason)


@transaction.atomic
def source_edit(
    *,
    source: Source,
    actor: User,
    changes: Mapping[str, Any],
    reason: str = "",
    expected_version: int | None = None,
    index: SourceIndex | None = None,
) -> Source:
    """Change a publication; its key stays. The quality of its items follows its date.

    `index` holds the known publications, where the caller has read them for many changes.

    What items get their weight or name from (see `WEIGHING_DETAILS`) makes drafts of all that is under review and
    comes from it, with the actor as an author (see `drafts_reopen`). Where approved items, or open revisions of them,
    come from it, such a change is for admins, who say why; it then counts at once, without another pair of eyes, so
    the audit trail names those items too. Raises PermissionDenied, ValidationError, StaleVersion, Conflict.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    row = locked(source, expected_version)
    changed = differences(row, changes, DETAILS)
    if not changed:
        return row
    weighs = not changed.keys().isdisjoint(WEIGHING_DETAILS)
    # Held before it is asked what counts, so that none of them is approved meanwhile.
    items = list(Evidence.objects.resting_on(row).order_by("pk").select_for_update()) if weighs else []
    counting = [item.public_id for item in items if item.status == EvidenceStatus.APPROVED]
    if counting:
        require(actor, Scope.WRITE_MODEL)
    reason = checked_reason(reason, needed=bool(counting))
    write(row, changed)
    source_check(row, identifier="identifier" in changed)
    if not changed.keys().isdisjoint({"url", "identifier"}):
        _check_place(row, SourceIndex.of(Source.objects.all()) if index is None else index)
    row.version += 1
    store(row, actor=actor, reason=reason)
    reopened = drafts_reopen(items=items, source=row, actor=actor, reason=reason)
    quality_refresh(source=row)
    affected = {"counting": counting, "reopened": reopened} if weighs else {}
    details = {"fields": sorted(changed), **affected}
    audit_record(actor=actor, action="source.edit", subject=row, reason=reason, details=details)
    return row


def source_counts(source: Source) -> bool:
    """Whether approved items, which analyses use, come from it, or are to by their open revision."""
    return Evidence.objects.approved().resting_on(source).exists()


def source_check(source: Source, *, identifier: bool = True) -> None:
    """Raise ValidationError, by field, for a source with wrong fields, or that cannot be found.

    Without `identifier` the form of that is passed over: it was stored before there was such a rule.
    """
    if identifier and (fault := identifier_fault(source.identifier.strip())):
        raise ValidationError({"identifier": fault})
    source.clean_fields(exclude={"key"})  # with what follows, says all that the database's constraints would
    latest = timezone.localdate() + AHEAD
    if not EARLIEST <= source.publication_date <= latest:
        raise ValidationError(
            {"publication_date": f"Should lie between {EARLIEST} and a year from now; is a digit mistyped?"}
        )
    if not source.url and not source.identifier:
        raise ValidationError("A source needs an address or an identifier.", code="required")


def _check_place(source: Source, index: SourceIndex) -> None:
    """Raise ValidationError for a source that is another one of the index."""
    same = index.same(url=source.url, identifier=source.identifier)
    if found := [key for key in same if key != source.key or source._state.adding]:
        raise _duplicate(found)


def _duplicate(keys: list[str]) -> ValidationError:
    return ValidationError(f"This publication is already among the sources: {' and '.join(keys)}.", code="duplicate")
