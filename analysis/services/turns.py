"""Whose turn it is among those that wait: read from the database by every worker, and shown to those who wait.

Everybody's first computation comes before anybody's second, and so on; of equals, the one that waits longest. So many
of one user are worked on at a time and no more; the system's own are not limited.
"""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import Coalesce, RowNumber

from accounts.models import User
from aifutures_site.config import get_config
from analysis.choices import RunStatus
from analysis.models import AnalysisRun, Computation

ComputationT = TypeVar("ComputationT", bound=Computation)


def in_turn(model: type[ComputationT], *, beside: UUID | None = None) -> QuerySet[ComputationT, Any]:
    """What waits, in the order in which it is taken; a row's `turn` tells how many of its owner's run when it does.

    One that is worked on can be left out of the count (`beside`): what if it made way?
    """
    rows = model._default_manager.all()
    at_work = rows.filter(status=RunStatus.RUNNING, owner=OuterRef("owner")).exclude(pk=beside)
    of_owner = at_work.order_by().values("owner").annotate(count=Count("pk")).values("count")
    before = Window(RowNumber(), partition_by=F("owner"), order_by=["queued_at", "pk"])
    waiting: Any = rows.filter(status=RunStatus.QUEUED, cancel_requested_at__isnull=True)
    counted: QuerySet[ComputationT, Any] = waiting.annotate(turn=before + Coalesce(Subquery(of_owner), 0))
    return counted.order_by("turn", "queued_at", "pk")


def admissible(waiting: QuerySet[ComputationT, Any]) -> QuerySet[ComputationT, Any]:
    """Of those that `in_turn` gives, the ones that a worker may take now."""
    return waiting.filter(Q(turn__lte=get_config().limits.running_per_user) | Q(owner__isnull=True))


def has_place(model: type[Computation], owner_id: int | None) -> bool:
    """Whether one more of the owner's may be taken. Within a transaction: until its end nobody else is told so."""
    if owner_id is None:
        return True
    list(User.objects.select_for_update(no_key=True).filter(pk=owner_id))
    at_work = model._default_manager.filter(status=RunStatus.RUNNING, owner_id=owner_id)
    return at_work.count() < get_config().limits.running_per_user


def shorter_waits(run: AnalysisRun, *, left: int) -> bool:
    """Whether a run waits that could be taken in place of this one, and has less to compute than the `left` of it."""
    waiting = admissible(in_turn(AnalysisRun, beside=run.pk)).order_by().values("pk")
    # from outside: a condition beside the window would leave the longer ones out of the count of turns
    return AnalysisRun.objects.filter(pk__in=waiting, iterations_total__lt=F("iterations_completed") + left).exists()


def positions(model: type[Computation]) -> dict[UUID, int]:
    """Places in the queue, from 1, of all that wait."""
    return {pk: place for place, pk in enumerate(in_turn(model).values_list("pk", flat=True), 1)}
