"""Notes on items."""

from __future__ import annotations

from django.db import transaction

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from evidence.models import Evidence, EvidenceNote
from evidence.services.rules import require


@transaction.atomic
def note_create(*, evidence: Evidence, actor: User, text: str) -> EvidenceNote:
    """A note of the actor on an item, which stays as it is. Raises PermissionDenied, ValidationError."""
    require(actor, Scope.WRITE_EVIDENCE)
    note = EvidenceNote(evidence=evidence, text=text.strip(), author=actor)
    note.full_clean(exclude={"evidence", "author"})
    note.save()
    audit_record(actor=actor, action="evidence.note", subject=evidence)
    return note
