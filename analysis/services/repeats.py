"""Computing something once more: anew from the same inputs, or what hangs from where it stood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from analysis.choices import RunStatus
from analysis.engine.spec import parse_model
from analysis.models import AnalysisRun, Computation, RobustnessReport, SensitivityStudy
from analysis.services.lifecycle import Superseded, computation_requeue
from analysis.services.runs import run_create
from analysis.services.sharing import require_owner
from analysis.services.studies import report_create, study_create
from evidence.services.rules import Conflict, require


@transaction.atomic
def computation_rerun(*, computation: Computation, actor: User) -> Computation:
    """A new one of the actor's own from the same inputs, computed anew; the old one stays as it is.

    Raises PermissionDenied, and ModelError for inputs that this version no longer takes.
    """
    require(actor, Scope.CREATE_ANALYSIS)
    inputs: dict[str, Any] = {
        "document": parse_model(computation.model_document),
        "owner": actor,
        "name": computation.name,
        "fresh": True,
    }
    new = _create(computation, inputs)
    details = {"of": str(computation.pk)}
    audit_record(actor=actor, action=f"{new._meta.model_name}.rerun", subject=new, details=details)
    return new


@transaction.atomic
def computation_release(*, computation: Computation, actor: User) -> None:
    """Take a running one from its worker and queue it again; it goes on from its last checkpoint, if it has one.

    Raises PermissionDenied, and Conflict for what is not running.
    """
    require_owner(computation, actor, Scope.CANCEL_ANALYSIS)
    if computation.status != RunStatus.RUNNING:
        raise Conflict(f"{computation} is {computation.status}: only what is running can be taken from its worker.")
    try:
        computation_requeue(computation=computation, reason=f"taken from its worker by {actor.get_username()}")
    except Superseded:
        raise Conflict(f"{computation} has just changed hands or ended.") from None
    audit_record(actor=actor, action=f"{computation._meta.model_name}.requeue", subject=computation)


def _create(computation: Computation, inputs: Mapping[str, Any]) -> Computation:
    if isinstance(computation, AnalysisRun):
        return run_create(**inputs)
    if isinstance(computation, SensitivityStudy):
        return study_create(**inputs, request=computation.request)
    if isinstance(computation, RobustnessReport):
        return report_create(**inputs, iterations=computation.request["iterations"])
    raise TypeError(f"{computation!r} is no kind of computation that can be repeated")
