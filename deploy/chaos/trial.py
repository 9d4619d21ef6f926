"""One scenario's runs: asked for, followed over a socket, hurt, waited for, and judged."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import connections
from django.utils import timezone
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from accounts.models import User
from accounts.tokens import AccessToken
from aifutures_site.config import get_config
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.services.model_documents import model_document_build
from analysis.services.runs import run_create
from deploy.chaos.audit import faults
from deploy.chaos.installation import Installation, patiently

END_SECONDS = 180
"""Of one scenario: in which everything has ended, whatever has happened."""
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Verdict:
    """What came of a scenario. `recovery` is how long the runs that were hit made no progress, in seconds."""

    runs: int
    retries: int
    recovery: float | None
    seconds: float
    faults: list[str]


@dataclass
class Trial:
    """The runs of one scenario, of `iterations` each; `faults` is what has been seen to go wrong so far."""

    place: Installation
    users: list[User]
    iterations: int
    reference: dict[str, str]
    pks: list[UUID] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    recovery: float | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + END_SECONDS)
    _threads: list[threading.Thread] = field(default_factory=list)

    def ask(self, seed: int, *, owner: int | None = 0, iterations: int | None = None) -> AnalysisRun:
        """A new run of the published study; its numbers depend on seed and iterations alone."""
        document = model_document_build(model="published", iterations=iterations or self.iterations, seed=seed)
        who = None if owner is None else self.users[owner]
        run = patiently(lambda: run_create(document=document, owner=who, name=f"Seed {seed}", fresh=True))
        self.pks.append(run.pk)
        return run

    def begin(self) -> list[AnalysisRun]:
        """Two runs under way with a checkpoint each, a third that waits; somebody follows the first. Gives the two."""
        for owner, seed in enumerate((1, 2, 3)):
            self.ask(seed, owner=owner)
        self.follow(self.pks[0])
        self.until(lambda: self.at_work() == 2, "two runs at work, with checkpoints")
        return self.running()

    def runs(self) -> list[AnalysisRun]:
        """All of the scenario, in the order in which they were asked for."""
        found = patiently(lambda: AnalysisRun.objects.in_bulk(self.pks))
        return [found[pk] for pk in self.pks]

    def running(self) -> list[AnalysisRun]:
        """Those that are worked on."""
        return [run for run in self.runs() if run.status == RunStatus.RUNNING]

    def is_at_try(self, attempt: int) -> bool:
        """Whether one is worked on for the so manieth time."""
        return any(run.attempt == attempt for run in self.running())

    def until(self, done: Callable[[], object], what: str, seconds: float = END_SECONDS) -> bool:
        """Wait; note what did not come, and give False."""
        begun = time.monotonic()
        deadline = min(begun + seconds, self.deadline)
        while not done():
            if time.monotonic() > deadline:
                self.faults.append(f"not within {max(0, deadline - begun):.0f} s: {what}")
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def expect(self, holds: object, what: str) -> None:
        """Note what does not hold."""
        if not holds:
            self.faults.append(f"not so: {what}")

    def harm(self) -> None:
        """Now something is done to the runs at work: measure until all of them are further than they are now."""
        marks = {run.pk: run.iterations_completed for run in self.running()}
        begun = time.monotonic()

        def further() -> bool:
            return all(
                run.is_final or run.iterations_completed > marks[run.pk] for run in self.runs() if run.pk in marks
            )

        def measure() -> None:
            time.sleep(0.5)  # what had been computed before may still be written
            marks.update({run.pk: run.iterations_completed for run in self.running() if run.pk in marks})
            if self.until(further, "the runs go on"):
                self.recovery = time.monotonic() - begun

        self._spawn(measure)

    def follow(self, pk: UUID) -> None:
        """Let a client follow a run to its end, connecting again whenever it is cut off."""
        owner = AnalysisRun.objects.get(pk=pk).owner
        offered = ["bearer", str(AccessToken.for_user(owner))]

        def tell() -> None:
            seen = -1
            url = f"ws://127.0.0.1:{self.place.port}/ws/analysis/progress"
            for message in _messages(url, offered, pk, self.deadline):
                self.expect(message["seq"] >= seen, f"message {message['seq']} is not told after {seen}")
                seen = message["seq"]
                if message["type"] != "progress":
                    return
            self.faults.append("the follower of a run was not told its end")

        self._spawn(tell)

    def conclude(self, begun: float) -> Verdict:
        """Wait for the end of all, and judge."""
        self.until(lambda: all(run.is_final for run in self.runs()), "the end of every run")
        for thread in self._threads:
            thread.join(max(0, self.deadline - time.monotonic()) + 1)
        runs = self.runs()
        found = patiently(lambda: faults(runs, self.reference, get_config().limits.running_per_user))
        retries = sum(max(0, run.attempt - 1) for run in runs)
        return Verdict(len(runs), retries, self.recovery, time.monotonic() - begun, self.faults + found)

    def at_work(self) -> int:
        """How many are worked on and have a checkpoint."""
        rows = AnalysisRun.objects.filter(pk__in=self.pks, status=RunStatus.RUNNING, checkpoint__isnull=False)
        return patiently(rows.count)

    def _spawn(self, target: Callable[[], None]) -> None:
        def run() -> None:
            try:
                target()
            except Exception as error:
                self.faults.append(f"{type(error).__name__}: {error}")
            finally:
                connections.close_all()

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()


def _messages(url: str, offered: list[str], pk: UUID, deadline: float) -> Iterator[dict[str, object]]:
    """What a client hears of a run, over as many connections as it takes."""
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, WebSocketException), connect(url, subprotocols=offered) as socket:
            socket.send(json.dumps({"action": "subscribe", "run_id": str(pk)}))
            while (left := deadline - time.monotonic()) > 0:
                yield json.loads(socket.recv(timeout=left))
        time.sleep(0.2)


def heartbeats_move(run: AnalysisRun, seconds: float) -> None:
    """Write a sign of life of another time, as a clock that was put forward or back would."""
    moved = timezone.now() + timedelta(seconds=seconds)
    rows = AnalysisRun.objects.filter(pk=run.pk, status=RunStatus.RUNNING)
    patiently(lambda: rows.update(heartbeat_at=moved))
