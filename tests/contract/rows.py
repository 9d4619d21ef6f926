"""How a row of the table says what an endpoint answers to whom.

    row("PATCH", "evidence/<str:public_id>", least(Role.CURATOR, 200), make=an_item, queries=9)

`make(owner)` prepares the database and says what to call; the owner is an analyst. Without it nothing is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.models import User
from accounts.policies import Role

ASKERS = ("anonymous", "viewer", "analyst", "curator", "admin", "owner", "stranger")
"""Who asks: nobody, a user of each role, the owner of what is asked for, and another user of the owner's role."""

Answers = Mapping[str, int]
"""The status that each asker gets."""


@dataclass(frozen=True)
class Call:
    """What to call: the parts of the path, the query, headers, and the body: bytes as they are, all else as JSON."""

    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"


@dataclass(frozen=True)
class Row:
    """One endpoint. `queries` is the number that the first asker who gets a 2xx costs, authentication included."""

    method: str
    route: str
    answers: Answers
    queries: int
    make: Callable[[User], Call]

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def row(
    method: str, route: str, answers: Answers, *, queries: int, make: Callable[[User], Call] = lambda owner: Call()
) -> Row:
    """An endpoint; `route` as in the URLconf, after /api/v1/."""
    assert set(answers) == set(ASKERS)
    return Row(method, route, answers, queries, make)


def everyone(status: int) -> Answers:
    """The same for all, also for strangers to the site."""
    return dict.fromkeys(ASKERS, status)


def signed_in(status: int) -> Answers:
    """The same for all who are signed in."""
    return {**everyone(status), "anonymous": 401}


def least(role: Role, status: int) -> Answers:
    """`status` for this role and those above it (the owner and the stranger are analysts), 403 for others."""
    roles = list(Role)
    analysts = {"owner": Role.ANALYST, "stranger": Role.ANALYST}
    of = {each.value: each for each in roles} | analysts
    return {
        asker: 401 if asker == "anonymous" else status if roles.index(of[asker]) >= roles.index(role) else 403
        for asker in ASKERS
    }


def owned(status: int, *, by_admin: int = 404, below: int = 404) -> Answers:
    """`status` for the owner, and 404 for others: what is not theirs is not there. `below` is for viewers."""
    return {**signed_in(404), "viewer": below, "admin": by_admin, "owner": status}
