"""Questions that are answered while somebody waits: through the interactive queue and its warm worker.

Of one user only the newest question counts: a slider asks faster than anybody can answer, and nobody reads the answers
to the positions that it has passed. Questions and answers live in Redis alone, for seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from uuid import uuid4

import django_rq
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.results import Result
from rq.serializers import JSONSerializer

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


class Question(NamedTuple):
    """A question that waits in the queue: its job, and for how many seconds somebody waits for the answer."""

    job_id: str
    seconds: int


def what_if_ask(
    *, user: User | None, run: AnalysisRun, request: Mapping[str, Any], seconds: int = SECONDS
) -> dict[str, Any]:
    """The answer (`aifutures.what_if/1`) to other inputs of a run's model, within some seconds.

    As `what_if_begin` and `what_if_wait` together, which say what is raised.
    """
    question = what_if_begin(user=user, run=run, request=request, seconds=seconds)
    return async_to_sync(what_if_wait)(question=question)


def what_if_begin(
    *, user: User | None, run: AnalysisRun, request: Mapping[str, Any], seconds: int = SECONDS
) -> Question:
    """Put a question into the queue.

    `request` has any of overrides, interventions, observations (see `engine.what_if`). Whether the user may see the
    run is the caller's business. Without a user, every question is answered. Raises ModelError for other keys,
    Unanswered.
    """
    if unknown := sorted(set(request) - QUESTION):
        raise ModelError([Fault(key, "unknown key") for key in unknown])
    user_id, job_id = None if user is None else user.pk, uuid4().hex
    try:
        queue = _queue()
        if user_id is not None:
            queue.connection.set(_newest(user_id), job_id, ex=2 * seconds)
        queue.enqueue_call(
            JOB,
            args=(str(run.pk), dict(request), user_id),
            job_id=job_id,
            timeout=-1,
            ttl=seconds,
            result_ttl=seconds,
            failure_ttl=seconds,
        )
    except RedisError:
        raise _unreachable() from None
    return Question(job_id, seconds)


async def what_if_wait(*, question: Question) -> dict[str, Any]:
    """What the worker answers. While it computes, no thread waits.

    Raises ModelError and ImpossibleObservation as the engine does, Obsolete, Unanswered.
    """
    stream, seconds = Result.get_key(question.job_id), question.seconds
    try:
        async with AsyncRedis.from_url(settings.REDIS_URL, socket_timeout=2 * seconds) as connection:
            found: Any = await connection.xread({stream: "0-0"}, block=1000 * seconds)
        if not found:
            raise Unanswered(await sync_to_async(_given_up, thread_sensitive=False)(question))
    except RedisError:
        raise _unreachable() from None
    [[_, [(result_id, payload), *_]]] = found
    result = Result.restore(question.job_id, result_id.decode(), payload, _queue().connection, JSONSerializer)
    if result.type is not Result.Type.SUCCESSFUL:
        raise Unanswered(f"the engine failed unexpectedly; the worker's log names job {question.job_id}")
    return _answer_of(cast("dict[str, Any]", result.return_value))


def is_obsolete(*, connection: Redis, user_id: int | None, job_id: str) -> bool:
    """Whether the user has asked something newer than this job's question."""
    return user_id is not None and connection.get(_newest(user_id)) != job_id.encode()


def _answer_of(returned: dict[str, Any]) -> dict[str, Any]:
    """What the worker returned: the answer, or what the engine raised."""
    if "faults" in returned:
        raise ModelError([Fault(*fault) for fault in returned["faults"]])
    if "impossible" in returned:
        raise ImpossibleObservation(returned["impossible"])
    if "obsolete" in returned:
        raise Obsolete("a newer question of the same user has taken its place")
    return returned


def _given_up(question: Question) -> str:
    """Take the question back, and say why nobody answered."""
    queue = _queue()
    queue.remove(question.job_id)
    if Worker.count(queue=queue):
        return f"no answer within {question.seconds} s: the interactive worker is busy; try again in a moment"
    return "no interactive worker is running: `manage.py worker --queue interactive` starts one"


def _unreachable() -> Unanswered:
    logger.warning("a question could not be asked", exc_info=True)
    return Unanswered("the queue cannot be reached; try again in a moment")


def _queue() -> Queue:
    return django_rq.get_queue(WorkQueue.INTERACTIVE, commit_mode="auto")


def _newest(user_id: int) -> str:
    return f"what-if:{user_id}"
