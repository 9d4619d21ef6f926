"""`manage.py serve`, started for real."""

import http.client
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from aifutures_site.environment import PROJECT
from tests.processes import (
    START_SECONDS,
    alive,
    children_of,
    environment,
    kill,
    manage,
    running,
    wait_for_start,
    wait_until,
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def get(port: int, path: str) -> tuple[int, str]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read().decode()
    finally:
        client.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """An installation that has been served before."""
    return tmp_path_factory.mktemp("an installation")


@pytest.fixture
def served(data, tmp_path):
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, str(PROJECT / "manage.py"), "serve", "--port", str(port), "--workers", "2"]
    with running(*command, env=environment(data), log=log) as process:
        wait_for_start(process, log, lambda: "serve    | open" in log.read_text())
        yield process, port, log


def parts(process, word: str) -> list[int]:
    return [pid for pid, command in children_of(process.pid).items() if word in command]


def steps_back(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def threads_of(pid: int) -> str | None:
    """How many threads a part is told to give to the engine."""
    told = dict(each.split("=", 1) for each in Path(f"/proc/{pid}/environ").read_text().split("\0") if each)
    return told.get("ENGINE_THREADS")


def ready(port: int) -> bool:
    return get(port, "/ready")[0] == 200


def test_life_of_a_server(served):
    process, port, log = served
    assert f"open http://127.0.0.1:{port}/" in log.read_text()
    assert get(port, "/health") == (200, '{"status": "ok"}')
    wait_until(lambda: ready(port), START_SECONDS, "ready")
    assert json.loads(get(port, "/ready")[1])["status"] == "ok"

    (answering,), computing = parts(process, "--queue interactive"), parts(process, "--queue default")
    assert len(computing) == 2
    assert all(steps_back(pid) > steps_back(answering) for pid in computing)
    assert {threads_of(pid) for pid in computing} == {str(max(1, len(os.sched_getaffinity(0)) // 2))}
    assert threads_of(answering) is None

    for word in ("daphne", "worker --queue interactive", "worker --queue default", "redis-server"):
        lost = parts(process, word)
        kill(lost[0])
        wait_until(lambda lost=lost, word=word: len(set(parts(process, word)) - set(lost)) == 1, START_SECONDS, word)
    assert get(port, "/health")[0] == 200, "the socket is kept while the web server is started again"
    said = log.read_text()
    assert re.search(r"^web +\| ended by signal 9; starting it again in 0.5 s$", said, re.M)
    assert re.search(r"^what-if +\| ended by signal 9; starting it again in 0.5 s$", said, re.M)
    assert re.search(r"^worker \d +\| ended by signal 9; starting it again in 0.5 s$", said, re.M)
    assert re.search(r"^redis +\| was gone; started again on the same data$", said, re.M)

    started = children_of(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    assert not any(alive(pid) for pid in started)


def test_nothing_outlives_a_killed_server(served):
    process, _, _ = served
    started = children_of(process.pid)
    kill(process.pid)
    wait_until(lambda: not any(alive(pid) for pid in started), what="the end of all parts")


def test_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = manage("serve", "--port", str(port), env=environment(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith(f"port {port} on 127.0.0.1 is in use; choose another with --port")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--port", "http"], "argument --port: must be a whole number from 0 to 65535, not 'http'"),
        (["--workers", "0"], "argument --workers: must be a whole number from 1 to 1024, not '0'"),
    ],
)
def test_bad_arguments(arguments, fault, tmp_path):
    ended = manage("serve", *arguments, env=environment(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.strip().splitlines()[-1].endswith(fault)


def test_redis_that_does_not_answer(tmp_path):
    env = environment(tmp_path, REDIS_URL="redis://127.0.0.1:1")
    ended = manage("serve", "--port", "0", env=env)
    assert ended.returncode == 1
    assert ended.stderr == "CommandError: no Redis: start `make serve` or set REDIS_URL\n"
