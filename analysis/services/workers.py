"""Whether anybody works on the queues."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import django_rq
from rq import Worker
from rq.worker import BaseWorker

from analysis.choices import WorkQueue

SILENCE = timedelta(minutes=8)
"""Workers report at least every seven minutes, busy ones far more often."""


def served_queues() -> set[str]:
    """Names of the queues that a worker serves which was heard of lately. Raises RedisError."""
    oldest = datetime.now(UTC) - SILENCE
    workers = Worker.all(connection=django_rq.get_connection(WorkQueue.DEFAULT))
    return {name for worker in workers if _heartbeat(worker) > oldest for name in worker.queue_names()}


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
