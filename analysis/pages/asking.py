"""Having a worker answer what a page shows: it counts against no limit, but only so much is done at a time."""

from __future__ import annotations

from functools import partial

from accounts.models import User
from analysis.services.derived import QUEUE, Question, TooManyOpen, answer_ask, open_admit
from analysis.services.workers import queue_hint

OPEN = 5
"""Answers that a user's pages may wait for at a time: others use the queue, too."""


def ask(*questions: Question, user: User) -> str:
    """Ask, where nobody has; gives what stands in the way, in words. Raises RedisError."""
    try:
        for question in questions:
            answer_ask(question=question, admit=partial(open_admit, question=question, user=user, most=OPEN))
    except TooManyOpen:
        return "Other answers that you asked for come first."
    return queue_hint(QUEUE) if questions else ""
