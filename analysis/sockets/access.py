"""Whether those who follow something may still see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from analysis.sockets.credentials import Credentials
from analysis.sockets.errors import NOT_ALLOWED, Shut
from analysis.sockets.snapshots import Model, hidden_read


@dataclass(frozen=True)
class Question:
    """What is followed with these credentials, and of which kinds it is."""

    credentials: Credentials
    followed: Mapping[UUID, Model]


@dataclass(frozen=True)
class Refusal:
    """Which sockets are to be closed: all of them with `code`, or those that follow something `hidden`."""

    code: int | None
    hidden: frozenset[UUID] = frozenset()

    def code_for(self, followed: set[UUID]) -> int | None:
        """The code that a socket is closed with; None for one that may stay."""
        return NOT_ALLOWED if self.code is None and self.hidden & followed else self.code


def refusals(questions: Iterable[Question]) -> list[Refusal]:
    """What the database says to each question now."""
    return [_refusal(question) for question in questions]


def _refusal(question: Question) -> Refusal:
    try:
        user = question.credentials.again()
    except Shut as shut:
        return Refusal(shut.code)
    return Refusal(None, hidden_read(user, question.followed))
