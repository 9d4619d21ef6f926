"""The steps of review. Nobody decides alone what counts in analyses.

An approved item is reviewed by way of its open revision: submit, approve and reject then concern the revision.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import takewhile

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import TextChoices
from django.utils import timezone

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope, may
from evidence.choices import OPEN_STATUSES, EvidenceStatus
from evidence.models import Evidence, EvidenceRevision, Source
from evidence.models.assessments import Assessment
from evidence.services.items import rescore, version_bump
from evidence.services.rules import Conflict, checked_reason, locked, require, store, write

RETIRABLE = (EvidenceStatus.APPROVED, EvidenceStatus.REJECTED)


class ReviewStep(TextChoices):
    """What can be done with an item in review; the label is the word on its button."""

    SUBMIT = "submit", "Submit for review"
    APPROVE = "approve", "Approve"
    REJECT = "reject", "Reject"
    RETIRE = "retire", "Retire"


@transaction.atomic
def evidence_submit(
    *, evidence: Evidence, actor: User, reason: str = "", expected_version: int | None = None
) -> Evidence:
    """Give a draft into review. Raises PermissionDenied, ValidationError, StaleVersion, Conflict."""
    require(actor, Scope.WRITE_EVIDENCE)
    item, draft = _in_review(evidence, expected_version, {EvidenceStatus.DRAFT}, "submitted")
    reason = checked_reason(reason, needed=False)
    draft.status = EvidenceStatus.SUBMITTED
    _keep(item, draft, actor, reason)
    audit_record(actor=actor, action="evidence.submit", subject=item, reason=reason)
    return item


@transaction.atomic
def evidence_approve(
    *, evidence: Evidence, actor: User, reason: str = "", expected_version: int | None = None
) -> Evidence:
    """Let a submitted item, or the submitted revision of an approved one, count in analyses.

    Raises PermissionDenied, also for who wrote or edited it, whatever their role; ValidationError, StaleVersion,
    Conflict.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    item, draft = _in_review(evidence, expected_version, {EvidenceStatus.SUBMITTED}, "approved")
    if actor.pk in _authors(draft):
        raise PermissionDenied("Somebody has to approve it who neither wrote nor edited it.")
    reason = checked_reason(reason, needed=False)
    audit_record(actor=actor, action="evidence.approve", subject=item, reason=reason)
    _decide(draft, EvidenceStatus.APPROVED, actor, reason)
    if isinstance(draft, EvidenceRevision):
        store(draft, actor=actor, reason=reason)
        write(item, draft.content)
        item.updated_by = draft.updated_by
        _decide(item, EvidenceStatus.APPROVED, actor, reason)
        reason = draft.reason
    rescore(item)
    item.version += 1
    store(item, actor=actor, reason=reason)
    return item


@transaction.atomic
def evidence_reject(*, evidence: Evidence, actor: User, reason: str, expected_version: int | None = None) -> Evidence:
    """Turn down a submitted item or revision, saying why; an approved item goes on to count as it is.

    Raises PermissionDenied, ValidationError, StaleVersion, Conflict.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    item, draft = _in_review(evidence, expected_version, {EvidenceStatus.SUBMITTED}, "rejected")
    reason = checked_reason(reason)
    _decide(draft, EvidenceStatus.REJECTED, actor, reason)
    _keep(item, draft, actor, reason)
    audit_record(actor=actor, action="evidence.reject", subject=item, reason=reason)
    return item


@transaction.atomic
def evidence_retire(*, evidence: Evidence, actor: User, reason: str, expected_version: int | None = None) -> Evidence:
    """Put an approved or rejected item away, saying why; an open revision of it is rejected with it.

    Raises PermissionDenied, ValidationError, StaleVersion, Conflict.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    item = locked(evidence, expected_version)
    _require_status(item, item, RETIRABLE, "retired")
    reason = checked_reason(reason)
    revisions_reject(items=[item], actor=actor, reason=f"The item was retired: {reason}")
    _decide(item, EvidenceStatus.RETIRED, actor, reason)
    item.version += 1
    store(item, actor=actor, reason=reason)
    audit_record(actor=actor, action="evidence.retire", subject=item, reason=reason)
    return item


STEPS: Mapping[ReviewStep, Callable[..., Evidence]] = {
    ReviewStep.SUBMIT: evidence_submit,
    ReviewStep.APPROVE: evidence_approve,
    ReviewStep.REJECT: evidence_reject,
    ReviewStep.RETIRE: evidence_retire,
}


def steps_open_to(*, evidence: Evidence, actor: User) -> list[ReviewStep]:
    """The steps that would not be refused to the actor now: by right, by state, and by four eyes."""
    if not may(actor, Scope.WRITE_EVIDENCE):
        return []
    draft = (evidence.open_revision if evidence.status == EvidenceStatus.APPROVED else None) or evidence
    steps = []
    if draft.status == EvidenceStatus.DRAFT:
        steps.append(ReviewStep.SUBMIT)
    if draft.status == EvidenceStatus.SUBMITTED:
        steps += [ReviewStep.REJECT] if actor.pk in _authors(draft) else [ReviewStep.APPROVE, ReviewStep.REJECT]
    if evidence.status in RETIRABLE:
        steps.append(ReviewStep.RETIRE)
    return steps


def revisions_reject(*, items: Collection[Evidence], actor: User | None, reason: str) -> None:
    """Reject the open revisions of items that are no longer what they were written for."""
    for revision in EvidenceRevision.objects.open().filter(evidence__in=items):
        _decide(revision, EvidenceStatus.REJECTED, actor, reason)
        store(revision, actor=actor, reason=reason)


def drafts_reopen(*, items: Collection[Evidence], source: Source, actor: User, reason: str) -> list[str]:
    """Make whoever changed a source an author of all that is not decided yet and comes from it.

    Of these `items` (locked), those under review, and revisions alike, become drafts: what was submitted has another
    weight now. Answers their ids.
    """
    reopened = []
    for item in items:
        draft = item.open_revision if item.status == EvidenceStatus.APPROVED else item
        if draft is None or draft.source_id != source.pk or draft.status not in OPEN_STATUSES:
            continue
        draft.source, draft.status, draft.updated_by = source, EvidenceStatus.DRAFT, actor
        rescore(draft)
        _keep(item, draft, actor, f"Its source was changed. {reason}".rstrip())
        reopened.append(item.public_id)
    return reopened


def _in_review(
    evidence: Evidence, expected_version: int | None, statuses: Collection[str], done: str
) -> tuple[Evidence, Evidence | EvidenceRevision]:
    """The item, locked, and what of it is under review: itself, or the open revision of an approved one."""
    item = locked(evidence, expected_version)
    draft = item.open_revision if item.status == EvidenceStatus.APPROVED else None
    _require_status(item, draft or item, statuses, done)
    return item, draft or item


def _authors(draft: Evidence | EvidenceRevision) -> set[int | None]:
    """Who wrote the draft, and everybody who edited it since it was last approved: a rejection leaves their edits."""
    records = draft.history.order_by("-history_id").values_list("status", "updated_by_id")
    edits = takewhile(lambda record: record[0] != EvidenceStatus.APPROVED, records)
    return {draft.created_by_id, draft.updated_by_id, *(editor for _, editor in edits)}


def _require_status(item: Evidence, draft: Assessment, statuses: Collection[str], done: str) -> None:
    if draft.status not in statuses:
        wanted = " or ".join(EvidenceStatus(status).label.lower() for status in sorted(statuses))
        what = item if draft is item else f"The revision of {item}"
        raise Conflict(f"{what} is {EvidenceStatus(draft.status).label.lower()}; only what is {wanted} can be {done}.")


def _decide(draft: Assessment, status: EvidenceStatus, actor: User | None, reason: str) -> None:
    draft.status = status
    draft.reviewed_by, draft.reviewed_at, draft.review_reason = actor, timezone.now(), reason


def _keep(item: Evidence, draft: Evidence | EvidenceRevision, actor: User, reason: str) -> None:
    if isinstance(draft, EvidenceRevision):
        version_bump(item)
    else:
        draft.version += 1
    store(draft, actor=actor, reason=reason)
