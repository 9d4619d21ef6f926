"""Computations that go on at the server: follow, cancel, wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar
from uuid import UUID

import httpx

from aifutures_client.errors import Cancelled, Failed, StillRunning
from aifutures_client.sockets import told
from aifutures_client.transport import Transport

ResultT = TypeVar("ResultT")

FIRST_LOOK, LONGEST_LOOK = 0.1, 2.0
"""Seconds between two questions how far it is: few at first, for what is short."""


@dataclass(frozen=True)
class Progress:
    """How far a computation is: iterations of a run, steps of a study. `None` where nobody knows."""

    status: str
    completed: int
    total: int
    rate: float | None
    eta_seconds: float | None
    max_half_width: float | None

    @property
    def share(self) -> float:
        """What is done, 0 to 1."""
        return self.completed / self.total if self.total else 0.0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Progress:
        """From the row of a run (iterations) or of a study (steps)."""
        unit = "iterations" if "iterations_total" in row else "steps"
        return cls(
            row["status"],
            row[f"{unit}_completed"],
            row[f"{unit}_total"],
            row.get("rate"),
            row.get("eta_seconds"),
            row.get("max_half_width"),
        )

    @classmethod
    def told(cls, message: Mapping[str, Any]) -> Progress:
        """From a message of the WebSocket."""
        return cls(*(message[field.name] for field in fields(cls)))


class Job(Generic[ResultT]):
    """A run, sensitivity study or robustness report at the server, begun or already done."""

    def __init__(self, transport: Transport, path: str, id: UUID, read: Callable[[Mapping[str, Any]], ResultT]) -> None:
        self.id = id
        self._transport, self._path, self._read = transport, f"{path}/{id}", read
        self._result: ResultT | None = None

    @classmethod
    def begun(
        cls,
        transport: Transport,
        path: str,
        response: httpx.Response,
        read: Callable[[Mapping[str, Any]], ResultT],
    ) -> Job[ResultT]:
        """What the answer to a POST is about: 200 brings the result with it."""
        document = response.json()
        job = cls(transport, path, UUID(document["id"]), read)
        if response.status_code == httpx.codes.OK:
            job._result = read(document)
        return job

    def row(self) -> dict[str, Any]:
        """All that is known about it: status, name, owner, times, input_hash, ..."""
        found: dict[str, Any] = self._transport.get(self._path)
        return found

    def progress(self) -> Progress:
        """How far it is now."""
        return Progress.of(self.row())

    def cancel(self) -> None:
        """Ask for its end."""
        self._transport.post(f"{self._path}/cancel")

    def share(self) -> None:
        """Let everyone who is signed in see it."""
        self._transport.post(f"{self._path}/share")

    def unshare(self) -> None:
        """Let only its owner and admins see it."""
        self._transport.post(f"{self._path}/unshare")

    def wait(self, progress: Callable[[Progress], object] | None = None, timeout: float | None = None) -> ResultT:
        """The result, when it is there; `progress` is told how far it is, at the end too.

        Interrupted, or after `timeout` seconds (StillRunning), it goes on at the server. Raises Failed, Cancelled.
        """
        if self._result is None or progress is not None:
            self._follow(progress or (lambda _: None), timeout)
        if self._result is None:
            self._result = self._read(self._transport.get(f"{self._path}/result"))
        return self._result

    def _follow(self, progress: Callable[[Progress], object], timeout: float | None) -> None:
        """Be told how far it is, as long as the server tells it, then ask until the end."""
        deadline = time.monotonic() + (timeout if timeout is not None else float("inf"))
        pause, last = FIRST_LOOK, None
        if self._transport.sockets:
            for last in map(Progress.told, told(self._transport, self.id, deadline)):
                progress(last)
        while True:
            row = self.row()
            now = Progress.of(row)
            if now != last:
                progress(now)
                last = now
            match now.status:
                case "succeeded":
                    return
                case "failed":
                    raise Failed(self.id, row["error"])
                case "cancelled":
                    raise Cancelled(self.id)
            left = deadline - time.monotonic()
            if left <= 0:
                raise StillRunning(self.id)
            time.sleep(min(pause, left))
            pause = min(1.5 * pause, LONGEST_LOOK)
