"""The life of a computation, of whatever kind: every change of its status, and every write of its worker.

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
from django.db.models import F, QuerySet
from django.utils import timezone
from redis.exceptions import RedisError
from rq import Queue
from rq.job import JobStatus

from accounts.audit import audit_record
from accounts.models import User
from aifutures_site.config import get_config
from analysis.choices import ACTIVE_STATUSES, RunStatus, WorkQueue
from analysis.models import AnalysisRun, Computation, RobustnessReport, SensitivityStudy
from analysis.progress import change_publish, progress_publish

logger = logging.getLogger(__name__)

MAX_LOSSES = 3
SILENCE = timedelta(seconds=12)
"""A worker gives a sign of life every few seconds; one that was silent for so long is taken for dead."""
UNCLAIMED = timedelta(seconds=30)
"""What is queued must be in the queue after this long, or it is put there again."""


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
            _enqueue_on_commit(computation, computation.job_id)
    return computation


def computation_start(*, model: type[ComputationT], pk: UUID, job_id: str) -> ComputationT | None:
    """Take a queued computation for the job that it waits for: a new attempt begins. None if there is nothing to do."""
    now = timezone.now()
    waiting = _rows(model).filter(pk=pk, job_id=job_id, status=RunStatus.QUEUED, cancel_requested_at__isnull=True)
    with transaction.atomic():
        if not waiting.update(
            status=RunStatus.RUNNING, attempt=F("attempt") + 1, started_at=now, heartbeat_at=now, **_NEXT_MESSAGE
        ):
            _cancel_waiting(model, pk, now)
            return None
        computation = _rows(model).get(pk=pk)
        _note(computation, RunStatus.RUNNING, at=now)
    return computation


def computation_heartbeat(*, computation: Computation) -> None:
    """A sign of life of its worker. Raises Superseded."""
    computation_write(computation=computation, heartbeat_at=timezone.now())


def computation_progress(*, computation: Computation, **fields: Any) -> bool:
    """Record how far it is, and tell; True if somebody asked to cancel it. Raises Superseded."""
    computation_write(computation=computation, heartbeat_at=timezone.now(), **_NEXT_MESSAGE, **fields)
    row = _rows(type(computation)).get(pk=computation.pk)
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


def computation_requeue(*, computation: Computation, reason: str, **fields: Any) -> None:
    """Hand a running computation back, to the front of its queue; end it if it is to be cancelled. Raises Superseded.

    `fields` are columns to keep, such as a checkpoint to go on from.
    """
    job_id = uuid4().hex
    now = timezone.now()
    with transaction.atomic():
        computation_write(
            computation=computation, status=RunStatus.QUEUED, job_id=job_id, queued_at=now, **_NEXT_MESSAGE, **fields
        )
        # read with the row in hand: a wish that came before is not overlooked
        if not _cancel_waiting(type(computation), computation.pk, now):
            _note(computation, RunStatus.QUEUED, at=now, reason=reason)
            _enqueue_on_commit(computation, job_id, at_front=True)


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
    three workers without a new one. Queued although it is to be cancelled: it ends. Queued for long and not in the
    queue: Redis lost the job, or its worker died before it began; it is put there again.
    """
    now = timezone.now()
    return sum(_reap_silent(kind, now) + _reap_cancelled(kind, now) + _reap_unclaimed(kind, now) for kind in KINDS)


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


def _reap_silent(model: type[Computation], now: datetime) -> int:
    reaped = 0
    silent = _rows(model).filter(status=RunStatus.RUNNING, heartbeat_at__lt=now - SILENCE)
    for computation in silent.order_by("heartbeat_at")[:100]:
        try:
            if computation.cancel_requested_at:
                computation_stop_cancelled(computation=computation)
            elif computation.losses + 1 >= MAX_LOSSES:
                computation_fail(computation=computation, reason=_given_up(model))
            else:
                computation_requeue(computation=computation, reason="its worker fell silent", losses=F("losses") + 1)
            reaped += 1
        except Superseded:  # another reaper was faster, or the worker came back
            continue
    return reaped


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


def _reap_unclaimed(model: type[Computation], now: datetime) -> int:
    reaped = 0
    queue = django_rq.get_queue(KINDS[model].queue)
    waiting = _rows(model).filter(status=RunStatus.QUEUED, queued_at__lt=now - UNCLAIMED)
    found = list(waiting.order_by("queued_at")[:100])
    listed = set(queue.job_ids) if found else set()
    for computation in found:
        if computation.job_id in listed and _is_waiting(queue, computation.job_id):
            continue
        fresh = uuid4().hex
        claimed = _rows(model).filter(pk=computation.pk, status=RunStatus.QUEUED, job_id=computation.job_id)
        with transaction.atomic():
            if claimed.update(job_id=fresh, queued_at=now):
                _enqueue_on_commit(computation, fresh)
                reaped += 1
    return reaped


def _is_waiting(queue: Queue, job_id: str) -> bool:
    """Whether a worker that takes the job from the queue's list will run it."""
    job = queue.fetch_job(job_id)
    return job is not None and job.get_status() == JobStatus.QUEUED


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
    now = timezone.now()
    passing = dict.fromkeys(computation.passing_fields)
    with transaction.atomic():
        computation_write(computation=computation, status=status, finished_at=now, **passing, **_NEXT_MESSAGE, **fields)
        _note(computation, status, at=now, reason=fields.get("error", ""))


def _note(computation: Computation, status: str, *, at: datetime, reason: str = "") -> None:
    """Keep a change of status, and tell of it."""
    computation.transitions.create(status=status, at=at, attempt=computation.attempt, reason=reason)
    change_publish(pk=computation.pk)


def _enqueue_on_commit(computation: Computation, job_id: str, *, at_front: bool = False) -> None:
    kind, pk = KINDS[type(computation)], computation.pk
    transaction.on_commit(lambda: _enqueue(kind, pk, job_id, at_front))


def _enqueue(kind: Kind, pk: UUID, job_id: str, at_front: bool) -> None:
    """Tell the queue. Where that fails the row stays queued in the database, and the reaper tells it later.

    Ended jobs leave nothing behind: how a computation ended is in its row, why a job failed in the worker's log.
    """
    try:
        django_rq.get_queue(kind.queue, commit_mode="auto").enqueue_call(
            kind.job, args=(str(pk),), job_id=job_id, timeout=-1, result_ttl=0, failure_ttl=0, at_front=at_front
        )
    except RedisError:
        logger.warning("the queue could not be told", extra={"job": kind.job, "id": str(pk)}, exc_info=True)
