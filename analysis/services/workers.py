"""Whether anybody works on the queues."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import django_rq
from rq import Worker
from rq.worker import BaseWorker, WorkerStatus

from analysis.choices import WorkQueue

SILENCE = timedelta(minutes=8)
"""Workers report at least every seven minutes, busy ones far more often."""


class Seen(NamedTuple):
    """A worker that was heard of lately: its name, the queues it serves, whether it works, and when it was heard of."""

    name: str
    queues: tuple[str, ...]
    is_busy: bool
    at: datetime


def workers_seen() -> list[Seen]:
    """The workers that were heard of lately, by name. Raises RedisError."""
    oldest = datetime.now(UTC) - SILENCE
    workers = Worker.all(connection=django_rq.get_connection(WorkQueue.DEFAULT))
    seen = [
        Seen(worker.name, tuple(worker.queue_names()), worker.get_state() == WorkerStatus.BUSY, _heartbeat(worker))
        for worker in workers
        if _heartbeat(worker) > oldest
    ]
    return sorted(seen)


def served_queues() -> set[str]:
    """Names of the queues that a worker serves which was heard of lately. Raises RedisError."""
    return {name for worker in workers_seen() for name in worker.queues}


def queue_hint(queue: str) -> str:
    """What stands in the way of a job in the queue, in words; empty where a worker serves it. Raises RedisError."""
    if queue in served_queues():
        return ""
    return (
        f"No worker serves the queue '{queue}' now: the work begins as soon as one does "
        "(`manage.py worker`, or `make serve`, starts one)."
    )


def _heartbeat(worker: BaseWorker) -> datetime:
    return (worker.last_heartbeat or datetime.min).replace(tzinfo=UTC)
