"""Runs the platform's processes side by side: labels what they say, restarts what ends, stops all together."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from aifutures_site.processes import spawn

GRACE_SECONDS = 3.5
"""What the parts have for finishing their work, before they are ended."""
SOUND_SECONDS = 30.0
"""A part that lived so long counts as sound: its next restart is immediate again."""
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0


@dataclass
class Part:
    """One process. `told` adds to the environment. `once` parts may end; all others are started again."""

    name: str
    command: Sequence[str]
    told: Mapping[str, str] = field(default_factory=dict)
    once: bool = False
    pass_fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    start_at: float = field(default=0.0, init=False)
    delay: float = field(default=FIRST_DELAY, init=False)
    reported: bool = field(default=False, init=False)

    @property
    def finished(self) -> bool:
        """Whether a `once` part has ended, well or not."""
        return self.once and self.process is not None and self.process.poll() is not None


class Supervisor:
    """Keeps parts running until it is told to stop. One thread, the main one, starts and stops them all."""

    def __init__(self, write: Callable[[str], object], environment: Mapping[str, str]) -> None:
        self.parts: list[Part] = []
        self.stopping = False  # set by signal handlers, which may not wait for a lock
        self._write = write
        self._environment = dict(environment)
        self._speaking = threading.Lock()

    def say(self, name: str, line: str) -> None:
        """Print one labelled line; lines of different parts never mix."""
        with self._speaking:
            self._write(f"{name:<9}| {line}\n")

    def add(self, part: Part) -> Part:
        """Start a part and look after it from now on."""
        self.parts.append(part)
        self._start(part)
        return part

    def run(self, every: Callable[[], None], seconds: float = 0.2) -> None:
        """Restart what ends and call `every` between two looks, until `stopping` is set."""
        while not self.stopping:
            time.sleep(seconds)
            for part in self.parts:
                self._look_after(part)
            every()

    def stop(self) -> None:
        """Ask all parts to end, wait for them, and end those that do not."""
        running = [part.process for part in self.parts if part.process and part.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, part: Part) -> None:
        part.process = spawn(
            part.command,
            env={**self._environment, **part.told},
            pass_fds=part.pass_fds,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        part.started_at = time.monotonic()
        part.start_at = 0.0
        if part.process.stdout is not None:
            threading.Thread(target=self._relay, args=(part.name, part.process.stdout), daemon=True).start()

    def _relay(self, name: str, said: IO[bytes]) -> None:
        with said:
            for line in said:
                self.say(name, line.decode(errors="replace").rstrip())

    def _look_after(self, part: Part) -> None:
        if part.process and part.process.poll() is None:
            return
        if part.once:
            self._report_once(part)
            return
        now = time.monotonic()
        if not part.start_at:
            if now - part.started_at > SOUND_SECONDS:
                part.delay = FIRST_DELAY
            self.say(part.name, f"{_ending(part.process)}; starting it again in {part.delay:g} s")
            part.start_at, part.delay = now + part.delay, min(2 * part.delay, LONGEST_DELAY)
        elif now >= part.start_at:
            self._start_again(part, now)

    def _start_again(self, part: Part, now: float) -> None:
        try:
            self._start(part)
        except OSError as error:  # no memory or process is to be had just now, say
            self.say(part.name, f"cannot be started ({error.strerror}); trying again in {part.delay:g} s")
            part.start_at, part.delay = now + part.delay, min(2 * part.delay, LONGEST_DELAY)

    def _report_once(self, part: Part) -> None:
        if part.process and part.process.returncode and not part.reported:
            part.reported = True
            self.say(part.name, f"{_ending(part.process)}; all else goes on")


def _ending(process: subprocess.Popen[bytes] | None) -> str:
    code = process.returncode if process else None
    return f"ended by signal {-code}" if code is not None and code < 0 else f"ended with status {code}"
