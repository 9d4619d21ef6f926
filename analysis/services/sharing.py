"""Who else may see a run."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope, may
from analysis.models import AnalysisRun


@transaction.atomic
def run_share(*, run: AnalysisRun, actor: User, shared: bool) -> AnalysisRun:
    """Open a run to everyone who reads results, or close it again. A published run is open in any case.

    Raises PermissionDenied for other users' runs.
    """
    require_owner(run, actor, Scope.SHARE_ANALYSIS)
    run = AnalysisRun.objects.select_for_update().get(pk=run.pk)
    if run.is_shared != shared:
        run.is_shared = shared
        run.save(update_fields=["is_shared"])
        audit_record(actor=actor, action="run.share" if shared else "run.unshare", subject=run)
    return run


def require_owner(run: AnalysisRun, actor: User, scope: Scope) -> None:
    """Raise PermissionDenied unless the actor holds the scope and the run is theirs, or they see every run."""
    if not may(actor, scope):
        raise PermissionDenied(f"This needs the right {scope}.")
    if run.owner_id != actor.pk and not may(actor, Scope.READ_ALL_RUNS):
        raise PermissionDenied("This is for the owner of the run, and for admins.")
