"""Answers that follow from stored runs: computed by a worker when somebody first asks, then kept in the cache.

The runs never change, so neither do the answers; what the cache has lost is computed again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import django_rq
from django.core.cache import cache

from accounts.models import User
from aifutures_site.config import get_config
from analysis.choices import WorkQueue
from analysis.engine import ENGINE_VERSION
from analysis.models import AnalysisRun
from analysis.progress import change_tell

logger = logging.getLogger(__name__)

QUEUE = WorkQueue.DEFAULT
COMPARISON = "analysis.jobs.derived.comparison_answer"
INFLUENCE = "analysis.jobs.derived.influence_answer"
LEAST_SECONDS = 60
"""An answer is kept for so long at least: whoever waits for it has to find it."""
FAILED_SECONDS = 10
ASKED_SECONDS = 120
"""A question is asked again after so long without an answer: its worker is gone."""


class TooManyOpen(Exception):
    """A user waits for as many answers as one may at a time."""


@dataclass(frozen=True)
class Question:
    """What is asked: the path of the job that answers, and its arguments."""

    job: str
    arguments: tuple[str | None, ...]

    @property
    def job_id(self) -> str:
        """The same for the same question to the same engine."""
        text = json.dumps([self.job, self.arguments, ENGINE_VERSION])
        return f"derived-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


@dataclass(frozen=True)
class Answer:
    """What is known of a question: nothing yet, a document, or why there is none."""

    job_id: str
    found: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether there is something to say."""
        return bool(self.found)

    @property
    def document(self) -> Any:
        """The document, or None where there is none."""
        return self.found.get("document")

    @property
    def refusal(self) -> str:
        """Why the engine gives none."""
        return str(self.found.get("refusal", ""))

    @property
    def reason(self) -> str:
        """Why there is none at the moment, where that is known."""
        return str(self.found.get("reason", ""))


def told_by(run: AnalysisRun) -> AnalysisRun:
    """The run whose answers are this one's, too: the one that computed its result, where the models speak alike.

    Two models with equal numbers may differ in words, which answers print. Only their names may differ: those are put
    in by who shows an answer.
    """
    origin = cast("AnalysisRun | None", run.cached_from)
    if origin is None:
        return run
    mine, other = ({**each.model_document, "name": ""} for each in (run, origin))
    return origin if mine == other else run


def answer_find(*, question: Question) -> Answer:
    """What is known now."""
    return Answer(question.job_id, cache.get(question.job_id) or {})


def answer_ask(*, question: Question, admit: Callable[[], None] = lambda: None) -> None:
    """Have a worker answer, unless one has been asked already.

    `admit` is called before something is to be computed, and raises where it may not be. Raises RedisError.
    """
    asked = f"{question.job_id}-asked"
    if not cache.add(asked, 1, ASKED_SECONDS):
        return
    try:
        admit()
        django_rq.get_queue(QUEUE, commit_mode="auto").enqueue_call(
            question.job, args=question.arguments, job_id=question.job_id, timeout=-1, result_ttl=0, failure_ttl=0
        )
    except Exception:
        cache.delete(asked)
        raise


def open_admit(*, question: Question, user: User, most: int) -> None:
    """Let the user wait for one more answer, of so many at a time. Raises TooManyOpen."""
    key = f"derived-open-{user.pk}"
    others = {f"{job_id}-asked": job_id for job_id in cache.get(key, ()) if job_id != question.job_id}
    waiting = [others[asked] for asked in cache.get_many(others)]
    if len(waiting) >= most:
        raise TooManyOpen
    cache.set(key, [*waiting, question.job_id], ASKED_SECONDS)


def answer_keep(*, question: Question, **found: Any) -> None:
    """Keep an answer: `document`, or `refusal` with the reason why there is none."""
    cache.set(question.job_id, found, max(get_config().service.cache_ttl, LEAST_SECONDS))
    cache.delete(f"{question.job_id}-asked")
    change_tell(name=question.job_id)


def answer_fail(*, question: Question, reason: str = "") -> None:
    """Tell those who wait that something went wrong, and why, if known; who asks later has it tried again."""
    logger.exception("a question about runs was not answered", extra={"job": question.job_id})
    cache.set(question.job_id, {"failed": True, "reason": reason}, FAILED_SECONDS)
    cache.delete(f"{question.job_id}-asked")
    change_tell(name=question.job_id)
