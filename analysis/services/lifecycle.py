"""The life of a computation, of whatever kind: every change of its status, and every write of its worker.

The queue's jobs are calls to look here: whichever comes, a worker takes what the database says is next (`turns`). So no
job matters: one that is lost is made up for by the reaper, and one too many finds nothing to do.

A worker's writes name the attempt that it was given. Where that is no longer the row's, another worker has taken the
computation over, and `Superseded` tells the first one to stop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4

import django_rq
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.audit import audit_record
from accounts.models import User
from aifutures_site.config import get_config
from analysis.choices import ACTIVE_STATUSES, RunStatus, WorkQueue
from analysis.models import AnalysisRun, Computation, RobustnessReport, SensitivityStudy
from analysis.progress import change_publish, progress_publish
from analysis.services.turns import admissible, has_place, in_turn

logger = logging.getLogger(__name__)

MAX_LOSSES = 3
SILENCE = timedelta(seconds=12)
"""A worker gives a sign of life every few seconds; one that was silent for so long is taken for dead.

Signs are written and judged by the database's clock, so that those of workers and reapers need not agree. One from the
future (that clock was put back) is no sign of life.
"""
CANDIDATES = 20
"""Where so many were snatched away by other workers in a row, there is no lack of hands."""
CALLS = 100
"""More are not made up for at a time."""


class Kind(NamedTuple):
    """Where a kind of computation waits, and what computes it."""

    queue: WorkQueue
    job: str


KINDS: Mapping[type[Computation], Kind] = {
    AnalysisRun: Kind(WorkQueue.ANALYSIS, "analysis.jobs.run_execute"),
    SensitivityStudy: Kind(WorkQueue.DEFAULT, "analysis.jobs.study_execute"),
    RobustnessReport: Kind(WorkQueue.DEFAULT, "analysis.jobs.report_execute"),
}

ComputationT = TypeVar("ComputationT", bound=Computation)

_NEXT_MESSAGE = {"progress_seq": F("progress_seq") + 1}
"""Whoever follows a computation is told of every such write, and knows by the number which of two is the later."""


class Superseded(Exception):
    """Another worker has the computation now, or it has ended: stop, write nothing."""


def computation_create(
    *, computation: ComputationT, fresh: bool = False, admit: Callable[[], None] = lambda: None
) -> ComputationT:
    """Store a new computation: answered at once where an equal one ended well lately, else queued after the commit.

    Equal are two of one kind with the same input hash and engine version, whoever asked for the first; lately is within
    CACHE_TTL, with ENABLE_RESULT_CACHE. Where the owner has an equal one already, that is given back, and none is
    stored. `fresh` computes anew. `admit` is called before something is to be computed, and raises where it may not be:
    then there is no row. Raises ValidationError for a wrong field, and IntegrityError for an id that is taken or fields
    that do not go together.
    """
    now = timezone.now()
    lately = _rows(type(computation)).none() if fresh else _ended_well_lately(computation, now)
    if computation.owner_id is not None and (own := lately.filter(owner_id=computation.owner_id).first()):
        return own
    origin = lately.filter(cached_from__isnull=True).first()
    if origin is None:
        computation.status = RunStatus.QUEUED
        computation.queued_at, computation.job_id = now, uuid4().hex
    else:
        computation.status = RunStatus.SUCCEEDED
        computation.cached_from, computation.finished_at = origin, now
        for field in computation.progress_fields:
            setattr(computation, field, getattr(origin, field))
    computation.full_clean(validate_unique=False, validate_constraints=False)  # the database holds both, in one query
    with transaction.atomic():
        computation.save(force_insert=True)
        reason = "" if origin is None else "an equal one had been computed already"
        _note(computation, computation.status, at=now, reason=reason)
        if origin is None:
            admit()
            _call_on_commit(type(computation), computation.job_id)
    return computation


def computation_start(*, model: type[ComputationT]) -> ComputationT | None:
    """Take the computation whose turn it is: a new attempt begins. None if there is none that may be taken now."""
    for pk, owner_id in admissible(in_turn(model)).values_list("pk", "owner_id")[:CANDIDATES]:
        with transaction.atomic():
            if has_place(model, owner_id) and (taken := _take(model, pk)):
                return taken
    return None


def computation_heartbeat(*, computation: Computation) -> None:
    """A sign of life of its worker. Raises Superseded."""
    computation_write(computation=computation, heartbeat_at=Now())


def computation_progress(*, computation: Computation, **fields: Any) -> bool:
    """Record how far it is, and tell; True if somebody asked to cancel it. Raises Superseded."""
    computation_write(computation=computation, heartbeat_at=Now(), **_NEXT_MESSAGE, **fields)
    row = _rows(type(computation)).get(pk=computation.pk)
    if not row.is_final:
        progress_publish(computation=row)
    return row.cancel_requested_at is not None


def computation_write(*, computation: Computation, **fields: Any) -> None:
    """Set columns of a running computation, by its worker. Raises Superseded."""
    mine = _rows(type(computation)).filter(pk=computation.pk, attempt=computation.attempt, status=RunStatus.RUNNING)
    if not mine.update(**fields):
        raise Superseded(f"{computation.pk} is no longer attempt {computation.attempt}'s")


def computation_succeed(*, computation: Computation, result: Mapping[str, Any], **fields: Any) -> None:
    """Store the result document and end well. Raises Superseded."""
    _end(computation, RunStatus.SUCCEEDED, result=result, **fields)


def computation_fail(*, computation: Computation, reason: str) -> None:
    """End with a reason that the owner can act on. Raises Superseded."""
    _end(computation, RunStatus.FAILED, error=reason)


def computation_stop_cancelled(*, computation: Computation) -> None:
    """End what is to be cancelled, when its worker has seen so. Raises Superseded."""
    _end(computation, RunStatus.CANCELLED)


def computation_requeue(*, computation: Computation, reason: str, at_end: bool = False, **fields: Any) -> None:
    """Hand a running computation back; end it if it is to be cancelled. Raises Superseded.

    It keeps its place, before all that came later, or goes to the end of the queue. `fields` are columns to keep, such
    as a checkpoint to go on from.
    """
    job_id, now = uuid4().hex, timezone.now()
    kept = fields | ({"queued_at": now} if at_end else {})
    with transaction.atomic():
        computation_write(computation=computation, status=RunStatus.QUEUED, job_id=job_id, **_NEXT_MESSAGE, **kept)
        # read with the row in hand: a wish that came before is not overlooked
        if not _cancel_waiting(type(computation), computation.pk, now):
            _note(computation, RunStatus.QUEUED, at=now, reason=reason)
            _call_on_commit(type(computation), job_id)


def computation_cancel(*, computation: ComputationT, actor: User | None) -> ComputationT:
    """Cancel: at once what waits, between two steps what is worked on. What has ended stays as it is.

    The wish that counts is kept in the audit trail; `actor` None is a command.
    """
    model, now = type(computation), timezone.now()
    active = _rows(model).filter(pk=computation.pk, status__in=ACTIVE_STATUSES, cancel_requested_at__isnull=True)
    with transaction.atomic():
        if active.update(cancel_requested_at=now):
            audit_record(actor=actor, action=f"{model._meta.model_name}.cancel", subject=computation)
        _cancel_waiting(model, computation.pk, now)
    return _rows(model).get(pk=computation.pk)


def computations_reap() -> int:
    """Find what nobody works on, of every kind, and queue it again or end it with a reason. Gives the number.

    Running without a sign of life: the worker is dead; the work goes on from its checkpoint, if any, until it has lost
    three workers without a new one. Queued although it is to be cancelled: it ends. Queued, free to be taken, and more
    of these than there are calls in the queue: Redis lost some, or a worker died with one in hand; they are made anew.
    """
    now = timezone.now()
    return sum(_reap_silent(kind) + _reap_cancelled(kind, now) + _call_missing(kind) for kind in KINDS)


def _take(model: type[ComputationT], pk: UUID) -> ComputationT | None:
    """Begin an attempt at what waits; None where somebody else has it, or it is to be cancelled. In a transaction."""
    now = timezone.now()
    waiting = _rows(model).filter(pk=pk, status=RunStatus.QUEUED, cancel_requested_at__isnull=True)
    if not waiting.update(
        status=RunStatus.RUNNING, attempt=F("attempt") + 1, started_at=now, heartbeat_at=Now(), **_NEXT_MESSAGE
    ):
        return None
    taken = _rows(model).get(pk=pk)
    _note(taken, RunStatus.RUNNING, at=now)
    return taken


def _ended_well_lately(computation: ComputationT, now: datetime) -> QuerySet[ComputationT]:
    """Equal computations to take the result from, the latest first."""
    service = get_config().service
    if not service.enable_result_cache:
        return _rows(type(computation)).none()
    equal = _rows(type(computation)).filter(
        input_hash=computation.input_hash,
        engine_version=computation.engine_version,
        status=RunStatus.SUCCEEDED,
        finished_at__gt=now - timedelta(seconds=service.cache_ttl),
    )
    return equal.order_by("-finished_at")


def _reap_silent(model: type[Computation]) -> int:
    reaped = 0
    alive = Q(heartbeat_at__gte=Now() - SILENCE, heartbeat_at__lte=Now() + SILENCE)
    silent = _rows(model).filter(~alive, status=RunStatus.RUNNING)
    for pk in silent.order_by("heartbeat_at").values_list("pk", flat=True)[:100]:
        with transaction.atomic():
            # asked again with the row in hand: its worker may have come back, or another reaper was faster
            computation = silent.select_for_update(skip_locked=True).filter(pk=pk).first()
            if computation is None:
                continue
            _take_from_the_dead(computation)
            reaped += 1
    return reaped


def _take_from_the_dead(computation: Computation) -> None:
    if computation.cancel_requested_at:
        computation_stop_cancelled(computation=computation)
    elif computation.losses + 1 >= MAX_LOSSES:
        computation_fail(computation=computation, reason=_given_up(type(computation)))
    else:
        computation_requeue(computation=computation, reason="its worker fell silent", losses=F("losses") + 1)


def _given_up(model: type[Computation]) -> str:
    kind = model._meta.verbose_name
    return (
        f"The worker was lost {MAX_LOSSES} times while it computed this {kind}, perhaps for want of memory. Nothing of "
        "its inputs was lost: run it again at a smaller size, or on a machine with more memory."
    )


def _reap_cancelled(model: type[Computation], now: datetime) -> int:
    reaped = 0
    waiting = _rows(model).filter(status=RunStatus.QUEUED, cancel_requested_at__isnull=False)
    for pk in waiting.values_list("pk", flat=True)[:100]:
        with transaction.atomic():
            reaped += _cancel_waiting(model, pk, now)
    return reaped


def _cancel_waiting(model: type[Computation], pk: UUID, now: datetime) -> bool:
    """End what waits and is to be cancelled; False for anything else. Within a transaction."""
    waiting = _rows(model).filter(pk=pk, status=RunStatus.QUEUED, cancel_requested_at__isnull=False)
    passing = dict.fromkeys(model.passing_fields)
    if not waiting.update(status=RunStatus.CANCELLED, finished_at=now, **passing, **_NEXT_MESSAGE):
        return False
    _note(_rows(model).get(pk=pk), RunStatus.CANCELLED, at=now)
    return True


def _rows(model: type[ComputationT]) -> QuerySet[ComputationT]:
    """Every row of a kind, without the heavy columns."""
    return model._default_manager.all()


def _end(computation: Computation, status: RunStatus, **fields: Any) -> None:
    model, now = type(computation), timezone.now()
    passing = dict.fromkeys(computation.passing_fields)
    with transaction.atomic():
        computation_write(computation=computation, status=status, finished_at=now, **passing, **_NEXT_MESSAGE, **fields)
        _note(computation, status, at=now, reason=fields.get("error", ""))
        transaction.on_commit(lambda: _call_if_wanted(model), robust=True)  # its owner has a place more


def _note(computation: Computation, status: str, *, at: datetime, reason: str = "") -> None:
    """Keep a change of status, and tell of it."""
    computation.transitions.create(status=status, at=at, attempt=computation.attempt, reason=reason)
    change_publish(pk=computation.pk)


def _call_if_wanted(model: type[Computation]) -> None:
    """Call once where something may be taken: a call too many finds nothing to do."""
    if admissible(in_turn(model)).exists():
        _call(model, uuid4().hex)


def _call_missing(model: type[Computation]) -> int:
    """See to it that there is a call of its kind in the queue for each computation that may be taken.

    Gives how many were made. Where that fails they stay queued in the database, and the reaper comes again.
    """
    kind, wanted = KINDS[model], admissible(in_turn(model))[:CALLS].count()
    if not wanted:
        return 0
    try:
        waiting = django_rq.get_queue(kind.queue).get_jobs()  # other kinds have their calls in the same queue
    except RedisError:
        return 0
    missing = wanted - sum(job.func_name == kind.job for job in waiting)
    return sum(_call(model, uuid4().hex) for _ in range(missing))


def _call_on_commit(model: type[Computation], job_id: str) -> None:
    transaction.on_commit(lambda: _call(model, job_id))


def _call(model: type[Computation], job_id: str) -> bool:
    """Call for a worker; False where the queue cannot be told.

    Ended jobs leave nothing behind: how a computation ended is in its row, why a job failed in the worker's log.
    """
    kind = KINDS[model]
    try:
        django_rq.get_queue(kind.queue, commit_mode="auto").enqueue_call(
            kind.job, job_id=job_id, timeout=-1, result_ttl=0, failure_ttl=0
        )
    except RedisError:
        logger.warning("the queue could not be told", extra={"job": kind.job}, exc_info=True)
        return False
    return True
