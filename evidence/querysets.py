"""Who sees which rows of the evidence base, and the selections that have a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db.models import Prefetch, Q

from accounts.policies import Asker, Scope, may
from accounts.querysets import ScopedQuerySet
from evidence.choices import OPEN_STATUSES, EvidenceStatus

if TYPE_CHECKING:
    from evidence.models import Evidence, EvidenceNote, EvidenceRevision, Hypothesis, Source, TableImport  # noqa: F401 - named in strings below


class HypothesisQuerySet(ScopedQuerySet["Hypothesis"]):
    """Hypotheses."""

    read_scope = Scope.READ_SCENARIOS


class SourceQuerySet(ScopedQuerySet["Source"]):
    """Publications."""

    read_scope = Scope.READ_EVIDENCE

    def visible_to(self, user: Asker) -> Self:
        """Sources of approved items for readers of evidence, all of them for curators and admins."""
        visible = super().visible_to(user)
        if may(user, Scope.READ_DRAFTS):
            return visible
        items = apps.get_model("evidence", "Evidence").objects.visible_to(user)
        return visible.filter(pk__in=items.values("source"))


class EvidenceQuerySet(ScopedQuerySet["Evidence"]):
    """Items of evidence."""

    read_scope = Scope.READ_EVIDENCE

    def approved(self) -> Self:
        """The items that count in analyses."""
        return self.filter(status=EvidenceStatus.APPROVED)

    def visible_to(self, user: Asker) -> Self:
        """Approved items for readers of evidence, items in every state for curators and admins."""
        visible = super().visible_to(user)
        return visible if may(user, Scope.READ_DRAFTS) else visible.approved()

    def resting_on(self, source: Source) -> Self:
        """The items that come from the source, or are to by their open revision."""
        revisions = apps.get_model("evidence", "EvidenceRevision").objects.open().filter(source=source)
        return self.filter(Q(source=source) | Q(pk__in=revisions.values("evidence")))

    def with_open_revision(self) -> Self:
        """Items whose `open_revision` takes no further query each."""
        revisions = apps.get_model("evidence", "EvidenceRevision").objects
        opened = revisions.open().select_related("source", "hypothesis", "created_by", "updated_by")
        return self.prefetch_related(Prefetch("revisions", opened, to_attr="open_revisions"))


class EvidenceNoteQuerySet(ScopedQuerySet["EvidenceNote"]):
    """Notes on items."""

    read_scope = Scope.READ_DRAFTS


class TableImportQuerySet(ScopedQuerySet["TableImport"]):
    """Imports of files."""

    read_scope = Scope.READ_DRAFTS


class EvidenceRevisionQuerySet(ScopedQuerySet["EvidenceRevision"]):
    """Changes proposed to approved items."""

    read_scope = Scope.READ_DRAFTS

    def open(self) -> Self:
        """Those that are not decided yet."""
        return self.filter(status__in=OPEN_STATUSES)
