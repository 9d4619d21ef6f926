"""The messages of the socket (INTERFACES.md, WebSocket), and the sender's side of those that tell how far it is.

Workers and services publish on one Redis channel, after their write to the database; every server process listens and
passes on (`analysis.sockets`). What is lost on the way is read from the database there, so nothing depends on a message
being heard, and one that cannot be sent is only noted.
"""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypedDict
from uuid import UUID

from django.db import transaction
from redis.exceptions import RedisError

from accounts.redis_client import connection
from analysis.choices import RunStatus
from analysis.models import Computation

logger = logging.getLogger(__name__)

CHANNEL = "analysis:progress"
_CHANGES = "analysis:changes:"
QUIET_SECONDS = 5.0
"""After a message that could not be sent, the worker does not wait for Redis again for so long."""


class StartAnalysis(TypedDict):
    """Begin a run and follow it; `parameters` as the body of POST /analysis/run."""

    action: Literal["start_analysis"]
    parameters: dict[str, Any]


class Subscribe(TypedDict):
    """Follow a run, a sensitivity study or a robustness report: first its present state, then what changes."""

    action: Literal["subscribe"]
    run_id: str


class Cancel(TypedDict):
    """Stop it, and follow it to its end."""

    action: Literal["cancel"]
    run_id: str


class Ping(TypedDict):
    """Whether anybody is there."""

    action: Literal["ping"]


class Accepted(TypedDict):
    """It has begun, and is followed from now on."""

    type: Literal["accepted"]
    run_id: str


class Progress(TypedDict):
    """How far it is: everything that there is to say, as of `at` (ISO 8601). `seq` grows with every message of a run.

    `position` is the place in the queue, from 1, of what waits there; null of all else.
    `completed` and `total` are Monte Carlo iterations of a run and steps of a study; `rate` is iterations per second,
    `max_half_width` the largest 95 % half-width of any mean probability; null where nobody knows.
    """

    type: Literal["progress"]
    run_id: str
    seq: int
    status: str
    position: int | None
    completed: int
    total: int
    rate: float | None
    eta_seconds: float | None
    max_half_width: float | None
    at: str


class Result(TypedDict):
    """It has ended well. `probabilities` are the means at the target year, in the order of `scenarios`."""

    type: Literal["result"]
    run_id: str
    seq: int
    scenarios: list[str]
    probabilities: list[float]
    result_url: str


class Error(TypedDict):
    """With the code `failed` and a `seq`: a run has ended badly. All others: a message of the client's was refused."""

    type: Literal["error"]
    code: str
    message: str
    run_id: NotRequired[str]
    seq: NotRequired[int]
    errors: NotRequired[list[Any]]
    retry_after: NotRequired[int]


class Cancelled(TypedDict):
    """It was cancelled."""

    type: Literal["cancelled"]
    run_id: str
    seq: int


class Pong(TypedDict):
    """Somebody is there."""

    type: Literal["pong"]


class Changed(TypedDict):
    """Between servers: a new status; what it is stands in the database."""

    type: Literal["changed"]
    run_id: str


class Closed(TypedDict):
    """Between servers: fewer people may see it."""

    type: Literal["closed"]
    run_id: str


ClientMessage = StartAnalysis | Subscribe | Cancel | Ping
End = Result | Error | Cancelled
ServerMessage = Accepted | Progress | End | Pong
Event = Progress | Changed | Closed


def progress_of(computation: Computation, position: int | None = None) -> Progress:
    """How far a computation is, by its row, and its place in the queue."""
    completed, total = computation.progress
    running = computation.status == RunStatus.RUNNING
    rate = getattr(computation, "rate", None) if running else None
    return Progress(
        type="progress",
        run_id=str(computation.pk),
        seq=computation.progress_seq,
        status=computation.status,
        position=position,
        completed=completed,
        total=total,
        rate=rate,
        eta_seconds=(total - completed) / rate if rate else None,
        max_half_width=getattr(computation, "max_half_width", None),
        at=datetime.now(UTC).isoformat(),
    )


def progress_publish(*, computation: Computation) -> None:
    """Tell all servers how far it is. Never fails."""
    _sender.send(progress_of(computation))


def change_publish(*, pk: UUID) -> None:
    """Tell all servers and who waits for it, once the transaction is committed, of a new status. Never fails."""

    def tell() -> None:
        _sender.send(Changed(type="changed", run_id=str(pk)))
        change_tell(name=str(pk))

    transaction.on_commit(tell)


def changes_channel(name: str) -> str:
    """Where those listen who wait for one thing, such as a computation by its id: they hear of nothing else."""
    return f"{_CHANGES}{name}"


def change_tell(*, name: str) -> None:
    """Tell those who wait for what has this name to look at it again. Never fails."""
    _sender.publish(changes_channel(name), "changed", name)


def closing_publish(*, pk: UUID) -> None:
    """Tell all servers, once the transaction is committed, that fewer people may see it. Never fails."""
    transaction.on_commit(lambda: _sender.send(Closed(type="closed", run_id=str(pk))))


def text_of(message: ServerMessage | Event) -> str:
    """The message as it is sent. Raises ValueError for a number that JSON does not have."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class _Sender:
    """Sends, and does not let a lost Redis hold the work up."""

    def __init__(self) -> None:
        self._quiet_until = 0.0

    def send(self, event: Event) -> None:
        try:
            text = text_of(event)
        except ValueError as error:
            logger.warning("progress was not told: %s", error, extra={"id": event["run_id"]})
        else:
            # all else is looked up by and by, whether it was told or not
            self.publish(CHANNEL, text, event["run_id"], at_all_costs=event["type"] == "closed")

    def publish(self, channel: str, text: str, about: str, *, at_all_costs: bool = False) -> None:
        if time.monotonic() < self._quiet_until and not at_all_costs:
            return
        try:
            connection().publish(channel, text)
        except RedisError as error:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            logger.warning("progress was not told: %s", error, extra={"id": about})


_sender = _Sender()
