"""Parts that end, and parts that will not."""

import errno
import io
import os
import sys
import time
from collections.abc import Callable
from itertools import count

import pytest

from aifutures_site import supervisor as module
from aifutures_site.supervisor import Part, Supervisor


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


@pytest.fixture
def out():
    return io.StringIO()


def run_until(supervisor: Supervisor, done: Callable[[], object], seconds: float = 60) -> None:
    """Look after the parts until `done()` is true, and stop them; fail after some seconds."""
    end = time.monotonic() + seconds

    def look():
        supervisor.stopping = bool(done())
        assert supervisor.stopping or time.monotonic() < end, f"not within {seconds} s"

    try:
        supervisor.run(look, 0.02)
    finally:
        supervisor.stop()


def test_restarts_with_growing_delays(out, monkeypatch):
    monkeypatch.setattr(module, "FIRST_DELAY", 0.1)
    supervisor = Supervisor(out.write, os.environ)
    part = Part("poor", python("print('hello'); raise SystemExit(3)"))
    part.delay = 0.1
    supervisor.add(part)
    again = [f"poor     | ended with status 3; starting it again in {delay} s\n" for delay in ("0.1", "0.2", "0.4")]
    run_until(supervisor, lambda: all(line in out.getvalue() for line in ("poor     | hello\n", *again)))


def test_goes_on_where_a_part_cannot_be_started_for_want_of_memory(out, monkeypatch):
    failures, spawn = [OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))], module.spawn
    supervisor = Supervisor(out.write, os.environ)
    part = Part("poor", python("print('hello')"))
    part.delay = 0.1
    supervisor.add(part)
    part.process.wait()

    def spawn_at_last(*command, **options):
        if failures:
            raise failures.pop()
        return spawn(*command, **options)

    monkeypatch.setattr(module, "spawn", spawn_at_last)
    run_until(supervisor, lambda: out.getvalue().count("hello") > 1)
    assert "poor     | cannot be started (Cannot allocate memory); trying again in 0.2 s" in out.getvalue()


def test_a_part_that_runs_once(out):
    supervisor = Supervisor(out.write, os.environ)
    part = supervisor.add(Part("task", python("raise SystemExit(1)"), once=True))
    looks = count()
    run_until(supervisor, lambda: part.finished and next(looks) > 5)
    assert out.getvalue() == "task     | ended with status 1; all else goes on\n"


def test_ends_what_does_not_stop(out, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.3)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    supervisor = Supervisor(out.write, os.environ)
    part = supervisor.add(Part("deaf", python(code)))
    run_until(supervisor, lambda: "deaf     | deaf" in out.getvalue())
    assert part.process.returncode == -9
