"""Whether anybody works on a queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import django_rq
from rq import Worker

SILENCE = timedelta(minutes=8)
"""Workers report at least every seven minutes, busy ones far more often."""


def queue_hint(queue: str) -> str:
    """What stands in the way of a job in the queue, in words; empty where a worker serves it. Raises RedisError."""
    oldest = datetime.now(UTC) - SILENCE
    workers = Worker.all(queue=django_rq.get_queue(queue))
    if any((worker.last_heartbeat or datetime.min).replace(tzinfo=UTC) > oldest for worker in workers):
        return ""
    return (
        f"No worker serves the queue '{queue}' now: the work begins as soon as one does "
        "(`manage.py worker`, or `make serve`, starts one)."
    )
