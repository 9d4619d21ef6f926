"""Who else may see a run, a study or a report."""

from __future__ import annotations

from typing import TypeVar

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Asker, Scope, may
from analysis.models import Computation
from analysis.progress import closing_publish

ComputationT = TypeVar("ComputationT", bound=Computation)


@transaction.atomic
def computation_share(*, computation: ComputationT, actor: User, shared: bool) -> ComputationT:
    """Open it to everyone who reads results, or close it again. A published run is open in any case.

    Raises PermissionDenied for what is another user's.
    """
    require_owner(computation, actor, Scope.SHARE_ANALYSIS)
    row = type(computation)._default_manager.select_for_update().get(pk=computation.pk)
    if row.is_shared != shared:
        row.is_shared = shared
        row.save(update_fields=["is_shared"])
        audit_record(actor=actor, action=f"{row._meta.model_name}.{'share' if shared else 'unshare'}", subject=row)
        if not shared:
            closing_publish(pk=row.pk)
    return row


def require_owner(computation: Computation, actor: User, scope: Scope) -> None:
    """Raise PermissionDenied unless the actor holds the scope and it is theirs, or they see everything."""
    if not may(actor, scope):
        raise PermissionDenied(f"This needs the right {scope}.")
    if not is_owner(computation, actor):
        raise PermissionDenied("This is for its owner, and for admins.")


def is_owner(computation: Computation, user: Asker) -> bool:
    """Whether it is theirs, or they see everything and so act as its owner."""
    return computation.owner_id == user.pk or may(user, Scope.READ_ALL_RUNS)
