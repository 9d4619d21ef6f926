"""Questions that are answered while somebody waits: through the interactive queue and its warm worker.

Of one user only the newest question counts: a slider asks faster than anybody can answer, and nobody reads the answers
to the positions that it has passed. Questions and answers live in Redis alone, for seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

import django_rq
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.job import Job
from rq.results import Result

from accounts.models import User
from analysis.choices import WorkQueue
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.faults import Fault, ModelError
from analysis.models import AnalysisRun

logger = logging.getLogger(__name__)

JOB = "analysis.jobs.what_if_answer"
SECONDS = 5
"""How long somebody waits for an answer; a question that waited longer is dropped."""
QUESTION = frozenset({"overrides", "interventions", "observations"})


class Unanswered(Exception):
    """No answer came: no worker, no Redis, or an engine that failed. The message says what can be done."""


class Obsolete(Exception):
    """The same user has asked something newer; this question was dropped."""


def what_if_ask(
    *, user: User | None, run: AnalysisRun, request: Mapping[str, Any], seconds: int = SECONDS
) -> dict[str, Any]:
    """The answer (`aifutures.what_if/1`) to other inputs of a run's model, within some seconds.

    `request` has any of overrides, interventions, observations (see `engine.what_if`). Whether the user may see the
    run is the caller's business. Without a user, every question is answered. Raises ModelError and
    ImpossibleObservation as the engine does, Obsolete and Unanswered.
    """
    if unknown := sorted(set(request) - QUESTION):
        raise ModelError([Fault(key, "unknown key") for key in unknown])
    try:
        return _answer_of(_asked(user, run, dict(request), seconds))
    except RedisError:
        logger.warning("a question could not be asked", exc_info=True)
        raise Unanswered("the queue cannot be reached; try again in a moment") from None


def is_obsolete(*, connection: Redis, user_id: int | None, job_id: str) -> bool:
    """Whether the user has asked something newer than this job's question."""
    return user_id is not None and connection.get(_newest(user_id)) != job_id.encode()


def _asked(user: User | None, run: AnalysisRun, request: dict[str, Any], seconds: int) -> dict[str, Any]:
    """Put the question into the queue and wait for what the worker returns."""
    queue = django_rq.get_queue(WorkQueue.INTERACTIVE, commit_mode="auto")
    user_id, job_id = None if user is None else user.pk, uuid4().hex
    if user_id is not None:
        queue.connection.set(_newest(user_id), job_id, ex=2 * seconds)
    job = queue.enqueue_call(
        JOB,
        args=(str(run.pk), request, user_id),
        job_id=job_id,
        timeout=-1,
        ttl=seconds,
        result_ttl=seconds,
        failure_ttl=seconds,
    )
    result = job.latest_result(timeout=seconds)
    if result is None:
        raise Unanswered(_given_up(queue, job, seconds))
    if result.type is not Result.Type.SUCCESSFUL:
        raise Unanswered(f"the engine failed unexpectedly; the worker's log names job {job_id}")
    return cast("dict[str, Any]", result.return_value)


def _answer_of(returned: dict[str, Any]) -> dict[str, Any]:
    """What the worker returned: the answer, or what the engine raised."""
    if "faults" in returned:
        raise ModelError([Fault(*fault) for fault in returned["faults"]])
    if "impossible" in returned:
        raise ImpossibleObservation(returned["impossible"])
    if "obsolete" in returned:
        raise Obsolete("a newer question of the same user has taken its place")
    return returned


def _given_up(queue: Queue, job: Job, seconds: int) -> str:
    """Take the question back, and say why nobody answered."""
    queue.remove(job)
    if Worker.count(queue=queue):
        return f"no answer within {seconds} s: the interactive worker is busy; try again in a moment"
    return "no interactive worker is running: `manage.py worker --queue interactive` starts one"


def _newest(user_id: int) -> str:
    return f"what-if:{user_id}"
