"""Writes to single sources and items."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from evidence.documents import source_key
from evidence.models import Evidence, Source
from evidence.quality import quality_of

BATCH = 1000


@transaction.atomic
def source_save(*, source: Source) -> Source:
    """Store a new or changed source; a new one gets its key, and its items the quality that follows from its date.

    Raises ValidationError.
    """
    source.key = source.key or source_key(url=source.url, identifier=source.identifier)
    source.full_clean()
    source.save()
    quality_refresh(source=source)
    return source


@transaction.atomic
def evidence_save(*, evidence: Evidence, actor: User | None) -> Evidence:
    """Store a new or changed item with its quality and who wrote it. Raises ValidationError."""
    if evidence._state.adding:
        evidence.created_by = actor
    evidence.updated_by = actor
    evidence.quality = _quality(evidence)
    evidence.full_clean()
    evidence.save()
    return evidence


@transaction.atomic
def quality_refresh(*, source: Source | None = None) -> int:
    """Bring the stored quality of a source's items, or of all items, in line with dates and configuration.

    Answers how many had another quality before.
    """
    items = Evidence.objects.select_related("source")
    changed = []
    for item in items.filter(source=source) if source else items:
        quality = _quality(item)
        if quality != item.quality:
            item.quality = quality
            changed.append(item)
    Evidence.objects.bulk_update(changed, ["quality"], batch_size=BATCH)
    return len(changed)


def _quality(item: Evidence) -> float:
    return quality_of(
        authority=item.authority,
        methodology=item.methodology,
        recency=item.recency,
        replication=item.replication,
        publication_date=item.source.publication_date,
    )
