"""The life of a run: every change of its status, and every write of its worker.

A worker's writes name the attempt that it was given. Where that is no longer the row's, another worker has taken the
run over, and `Superseded` tells the first one to stop.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import django_rq
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from redis.exceptions import RedisError
from rq import Queue
from rq.job import JobStatus

from accounts.models import User
from analysis.choices import ACTIVE_STATUSES, RunStatus
from analysis.engine import ENGINE_VERSION
from analysis.engine.simulate import Progress, rounded_iterations
from analysis.engine.spec import ModelDocument, input_hash
from analysis.models import AnalysisRun, RunTransition

logger = logging.getLogger(__name__)

QUEUE = "analysis"
JOB = "analysis.jobs.run_execute"
MAX_LOSSES = 3
SILENCE = timedelta(seconds=12)
"""A worker gives a sign of life every few seconds; one that was silent for so long is taken for dead."""
UNCLAIMED = timedelta(seconds=30)
"""A queued run must be in the queue after this long, or it is put there again."""


class Superseded(Exception):
    """Another worker has the run now, or it has ended: stop, write nothing."""


def run_create(
    *,
    document: ModelDocument,
    owner: User | None,
    name: str = "",
    is_shared: bool = False,
    run_id: UUID | None = None,
) -> AnalysisRun:
    """A new run, queued as soon as the transaction commits; `run_id`, where given, is its id."""
    now = timezone.now()
    run = AnalysisRun(
        id=run_id or uuid4(),
        name=name,
        owner=owner,
        is_shared=is_shared,
        model_document=document.to_json(),
        input_hash=input_hash(document),
        engine_version=ENGINE_VERSION,
        iterations_total=rounded_iterations(document.run.iterations),
        status=RunStatus.QUEUED,
        queued_at=now,
        job_id=uuid4().hex,
    )
    run.full_clean(validate_unique=False)  # of a new id and a new job the database knows best
    with transaction.atomic():
        run.save(force_insert=True)
        _note(run.pk, RunStatus.QUEUED, attempt=0, at=now)
        _enqueue_on_commit(run.pk, run.job_id)
    return run


def run_start(*, run_id: UUID, job_id: str) -> AnalysisRun | None:
    """Take a queued run for the job that it waits for: a new attempt begins. None if there is nothing to do."""
    now = timezone.now()
    with transaction.atomic():
        taken = AnalysisRun.objects.filter(
            pk=run_id, job_id=job_id, status=RunStatus.QUEUED, cancel_requested_at__isnull=True
        ).update(status=RunStatus.RUNNING, attempt=F("attempt") + 1, started_at=now, heartbeat_at=now)
        if not taken:
            _cancel_waiting(run_id, now)
            return None
        run = AnalysisRun.objects.get(pk=run_id)
        _note(run_id, RunStatus.RUNNING, attempt=run.attempt, at=now)
    return run


def run_heartbeat(*, run: AnalysisRun) -> None:
    """A sign of life of the run's worker. Raises Superseded."""
    _write(run, heartbeat_at=timezone.now())


def run_progress(*, run: AnalysisRun, progress: Progress) -> bool:
    """Record how far the run is; True if somebody asked to cancel it. Raises Superseded."""
    _write(
        run,
        iterations_completed=progress.completed,
        rate=progress.rate,
        max_half_width=progress.max_half_width,
        progress_seq=F("progress_seq") + 1,
        heartbeat_at=timezone.now(),
    )
    return AnalysisRun.objects.filter(pk=run.pk, cancel_requested_at__isnull=False).exists()


def run_checkpoint(*, run: AnalysisRun, checkpoint: bytes) -> None:
    """Keep the state to go on from; what was lost before it counts no more. Raises Superseded."""
    _write(run, checkpoint=checkpoint, losses=0)


def run_succeed(*, run: AnalysisRun, result: Mapping[str, Any]) -> None:
    """Store the result document and end the run well. Raises Superseded."""
    iterations = result["metadata"]["iterations"]
    _end(
        run,
        RunStatus.SUCCEEDED,
        result=result,
        iterations_completed=iterations,
        iterations_total=iterations,
        max_half_width=result["convergence"]["max_half_width"],
    )


def run_fail(*, run: AnalysisRun, reason: str) -> None:
    """End the run with a reason that its owner can act on. Raises Superseded."""
    _end(run, RunStatus.FAILED, error=reason)


def run_stop_cancelled(*, run: AnalysisRun) -> None:
    """End a run whose worker has seen that it is to be cancelled. Raises Superseded."""
    _end(run, RunStatus.CANCELLED)


def run_requeue(*, run: AnalysisRun, reason: str, **fields: Any) -> None:
    """Hand a running run back to the queue, to go on from its checkpoint; end it if it is to be cancelled.

    Raises Superseded.
    """
    job_id = uuid4().hex
    now = timezone.now()
    with transaction.atomic():
        _write(run, status=RunStatus.QUEUED, job_id=job_id, queued_at=now, **fields)
        if not _cancel_waiting(run.pk, now):  # read with the row in hand: a wish that came before is not overlooked
            _note(run.pk, RunStatus.QUEUED, attempt=run.attempt, at=now, reason=reason)
            _enqueue_on_commit(run.pk, job_id)


def run_cancel(*, run: AnalysisRun) -> AnalysisRun:
    """Cancel a run: at once while it waits, between two slices while it is worked on. Ended runs stay as they are."""
    now = timezone.now()
    with transaction.atomic():
        AnalysisRun.objects.filter(pk=run.pk, status__in=ACTIVE_STATUSES, cancel_requested_at__isnull=True).update(
            cancel_requested_at=now
        )
        _cancel_waiting(run.pk, now)
    return AnalysisRun.objects.get(pk=run.pk)


def runs_reap() -> int:
    """Find runs that nobody works on, and queue them again or end them with a reason. Gives their number.

    Running without a sign of life: the worker is dead; the run goes on from its checkpoint, until it has lost three
    without a new one. Queued although it is to be cancelled: it ends. Queued for long and not in the queue: Redis lost
    the job, or its worker died before it began; it is put there again.
    """
    now = timezone.now()
    return _reap_silent(now) + _reap_cancelled(now) + _reap_unclaimed(now)


def _reap_silent(now: datetime) -> int:
    reaped = 0
    silent = AnalysisRun.objects.filter(status=RunStatus.RUNNING, heartbeat_at__lt=now - SILENCE)
    for run in silent.order_by("heartbeat_at")[:100]:
        try:
            if run.cancel_requested_at:
                run_stop_cancelled(run=run)
            elif run.losses + 1 >= MAX_LOSSES:
                run_fail(run=run, reason=_GIVEN_UP)
            else:
                run_requeue(run=run, reason="its worker fell silent", losses=F("losses") + 1)
            reaped += 1
        except Superseded:  # another reaper was faster, or the worker came back
            continue
    return reaped


_GIVEN_UP = (
    f"The worker was lost {MAX_LOSSES} times while it computed this run, perhaps for want of memory. Nothing of the "
    "run's inputs was lost: run it again with fewer iterations, or on a machine with more memory."
)


def _reap_cancelled(now: datetime) -> int:
    reaped = 0
    waiting = AnalysisRun.objects.filter(status=RunStatus.QUEUED, cancel_requested_at__isnull=False)
    for run_id in waiting.values_list("pk", flat=True)[:100]:
        with transaction.atomic():
            reaped += _cancel_waiting(run_id, now)
    return reaped


def _reap_unclaimed(now: datetime) -> int:
    reaped = 0
    queue = django_rq.get_queue(QUEUE)
    waiting = AnalysisRun.objects.filter(status=RunStatus.QUEUED, queued_at__lt=now - UNCLAIMED)
    found = list(waiting.order_by("queued_at").defer("model_document", "result", "checkpoint")[:100])
    listed = set(queue.job_ids) if found else set()
    for run in found:
        if run.job_id in listed and _is_waiting(queue, run.job_id):
            continue
        fresh = uuid4().hex
        claimed = AnalysisRun.objects.filter(pk=run.pk, status=RunStatus.QUEUED, job_id=run.job_id)
        with transaction.atomic():
            if claimed.update(job_id=fresh, queued_at=now):
                _enqueue_on_commit(run.pk, fresh)
                reaped += 1
    return reaped


def _is_waiting(queue: Queue, job_id: str) -> bool:
    """Whether a worker that takes the job from the queue's list will run it."""
    job = queue.fetch_job(job_id)
    return job is not None and job.get_status() == JobStatus.QUEUED


def _cancel_waiting(run_id: UUID, now: datetime) -> bool:
    """End a run that waits and is to be cancelled; False for any other. Within a transaction."""
    waiting = AnalysisRun.objects.filter(pk=run_id, status=RunStatus.QUEUED, cancel_requested_at__isnull=False)
    if not waiting.update(status=RunStatus.CANCELLED, finished_at=now, checkpoint=None):
        return False
    attempt = AnalysisRun.objects.values_list("attempt", flat=True).get(pk=run_id)
    _note(run_id, RunStatus.CANCELLED, attempt=attempt, at=now)
    return True


def _write(run: AnalysisRun, **fields: Any) -> None:
    mine = AnalysisRun.objects.filter(pk=run.pk, attempt=run.attempt, status=RunStatus.RUNNING)
    if not mine.update(**fields):
        raise Superseded(f"run {run.pk} is no longer attempt {run.attempt}'s")


def _end(run: AnalysisRun, status: RunStatus, **fields: Any) -> None:
    now = timezone.now()
    with transaction.atomic():
        _write(run, status=status, finished_at=now, checkpoint=None, **fields)
        _note(run.pk, status, attempt=run.attempt, at=now, reason=fields.get("error", ""))


def _note(run_id: UUID, status: RunStatus, *, attempt: int, at: datetime, reason: str = "") -> None:
    RunTransition.objects.create(run_id=run_id, status=status, at=at, attempt=attempt, reason=reason)


def _enqueue_on_commit(run_id: UUID, job_id: str) -> None:
    transaction.on_commit(lambda: _enqueue(run_id, job_id))


def _enqueue(run_id: UUID, job_id: str) -> None:
    """Tell the queue. Where that fails the run stays queued in the database, and the reaper tells it later.

    Ended jobs leave nothing behind: how a run ended is in its row, why a job failed in the worker's log.
    """
    try:
        django_rq.get_queue(QUEUE, commit_mode="auto").enqueue_call(
            JOB, args=(str(run_id),), job_id=job_id, timeout=-1, result_ttl=0, failure_ttl=0
        )
    except RedisError:
        logger.warning("the queue could not be told of a run", extra={"run": str(run_id)}, exc_info=True)
