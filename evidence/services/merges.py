"""Making one of two rows of the same publication."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from evidence.choices import OPEN_STATUSES, EvidenceStatus
from evidence.models import EvidenceRevision, Source
from evidence.services.items import rescore, version_bump
from evidence.services.rules import checked_reason, locked, remove, require, store, write
from evidence.services.sources import DETAILS, WEIGHING_DETAILS, source_counts


@transaction.atomic
def source_merge(*, kept: Source, merged: Source, actor: User, reason: str) -> Source:
    """Give the items and revisions of `merged` to `kept`, which takes the details it lacks, and delete `merged`.

    All histories stay. What is under review becomes a draft with the actor as an author, since its weight may change.
    A revision that no longer differs from its item is dropped. Where approved items come from the merged source this is
    for admins: their names in model documents and, with another date, their weights change at once. So it is where they
    come from the kept one and it takes what they get their weight or name from.
    Raises PermissionDenied, ValidationError, Conflict.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    if kept.pk == merged.pk:
        raise ValidationError("Choose two different sources.")
    rows = {row.pk: locked(row, None) for row in sorted((kept, merged), key=lambda row: row.pk)}
    kept, merged = rows[kept.pk], rows[merged.pk]
    items = list(merged.items.order_by("pk").select_for_update())
    lacking = {field: value for field in DETAILS if (value := getattr(merged, field)) and not getattr(kept, field)}
    weighs = not lacking.keys().isdisjoint(WEIGHING_DETAILS)
    if source_counts(merged) or (weighs and source_counts(kept)):
        require(actor, Scope.WRITE_MODEL)
    reason = checked_reason(reason)
    for item in items:
        item.version += 1
    bumped = {item.pk for item in items}
    revisions = EvidenceRevision.objects.filter(source=merged).order_by("pk").select_for_update()
    for row in (*items, *revisions):
        row.source = kept
        if row.status in OPEN_STATUSES:
            row.status, row.updated_by = EvidenceStatus.DRAFT, actor
            if isinstance(row, EvidenceRevision) and row.evidence_id not in bumped:
                version_bump(row.evidence)
            if isinstance(row, EvidenceRevision) and row.content == row.evidence.content:
                remove(row, actor=actor, reason=reason)
                continue
        rescore(row)
        store(row, actor=actor, reason=reason)
    key = merged.key
    remove(merged, actor=actor, reason=f"Merged into {kept.key}: {reason}")
    write(kept, lacking)
    kept.version += 1
    store(kept, actor=actor, reason=f"Took in {key}: {reason}")
    details = {"merged": key, "items": [item.public_id for item in items]}
    audit_record(actor=actor, action="source.merge", subject=kept, reason=reason, details=details)
    return kept
