"""Parts that end, and parts that will not."""

import errno
import io
import os
import sys
import time

import pytest

from aifutures_site import supervisor as module
from aifutures_site.supervisor import Part, Supervisor


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


@pytest.fixture
def out():
    return io.StringIO()


def run_for(supervisor: Supervisor, seconds: float) -> None:
    end = time.monotonic() + seconds

    def look():
        supervisor.stopping = time.monotonic() > end

    supervisor.run(look, 0.02)
    supervisor.stop()


def test_restarts_with_growing_delays(out, monkeypatch):
    monkeypatch.setattr(module, "FIRST_DELAY", 0.1)
    supervisor = Supervisor(out.write, os.environ)
    part = Part("poor", python("print('hello'); raise SystemExit(3)"))
    part.delay = 0.1
    supervisor.add(part)
    run_for(supervisor, 1.5)
    said = out.getvalue()
    assert "poor     | hello\n" in said
    for delay in ("0.1", "0.2", "0.4"):
        assert f"poor     | ended with status 3; starting it again in {delay} s\n" in said


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
    supervisor.run(lambda: setattr(supervisor, "stopping", out.getvalue().count("hello") > 1), 0.02)
    supervisor.stop()
    assert "poor     | cannot be started (Cannot allocate memory); trying again in 0.2 s" in out.getvalue()


def test_a_part_that_runs_once(out):
    supervisor = Supervisor(out.write, os.environ)
    part = supervisor.add(Part("task", python("raise SystemExit(1)"), once=True))
    run_for(supervisor, 0.5)
    assert part.finished
    assert out.getvalue() == "task     | ended with status 1; all else goes on\n"


def test_ends_what_does_not_stop(out, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.3)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    supervisor = Supervisor(out.write, os.environ)
    part = supervisor.add(Part("deaf", python(code)))
    supervisor.run(lambda: setattr(supervisor, "stopping", "deaf     | deaf" in out.getvalue()), 0.02)
    before = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - before < 2
    assert part.process.returncode == -9
