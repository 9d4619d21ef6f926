"""The API on a real server with real workers: waiting, interrupting, and answers that follow from runs."""

from __future__ import annotations

import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from aifutures_site.environment import PROJECT
from aifutures_site.handlers import THREADS
from tests.processes import START_SECONDS, children_of, environment, installed, manage, running, wait_until

SMALL = {"iterations": 4096}
LONG = {"iterations": 100_000_000, "seed": 3}
PASSWORD = "correct horse battery staple"
TERMS = 120.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A served installation with a published baseline: its process and its address."""
    folder = installed(tmp_path_factory.mktemp("an installation"))
    env, port, log = environment(folder), free_port(), folder / "log"
    env["MAX_WORKERS"] = "1"
    secret = folder / "password"
    secret.write_text(PASSWORD)
    command = [sys.executable, str(PROJECT / "manage.py"), "serve", "--port", str(port), "--workers", "1"]
    with running(*command, env=env, log=log) as process:
        base = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return httpx.get(f"{base}/ready").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(ready, START_SECONDS, "a server that is ready")
        made = manage("create_user", "ada", "--role", "analyst", "--password-file", str(secret), env=env)
        assert made.returncode == 0, made.stderr
        yield process, base


@pytest.fixture(scope="module")
def ada(server):
    """A client signed in as an analyst."""
    _, base = server
    with httpx.Client(base_url=f"{base}/api/v1", timeout=TERMS) as client:
        answer = client.post("/auth/token", json={"username": "ada", "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        wait_until(lambda: client.get("/scenarios").status_code == 200, START_SECONDS, "a baseline")
        yield client


def test_a_short_run_is_waited_for_and_answered_again_from_the_store(ada):
    first = ada.post("/analysis/run", json=SMALL)
    assert first.status_code == 200, first.text
    found = first.json()
    assert sum(found["scenario_probabilities"].values()) == pytest.approx(1)
    assert (found["cached"], found["metadata"]["iterations"]) == (False, 4096)
    assert ada.get(first.headers["Location"].removeprefix("/api/v1")).json()["status"] == "succeeded"
    again = ada.post("/analysis/run", json=SMALL).json()
    assert (again["cached"], again["scenario_probabilities"]) == (True, found["scenario_probabilities"])


def test_a_long_run_is_left_to_go_on_and_can_be_cancelled(ada):
    began = time.monotonic()
    answer = ada.post("/analysis/run", json=LONG, headers={"Prefer": "wait=1"})
    assert answer.status_code == 202, answer.text
    assert 0.9 < time.monotonic() - began < 20
    path = f"/analysis/{answer.json()['run_id']}"
    wait_until(lambda: ada.get(path).json()["status"] == "running", START_SECONDS, "a worker takes the run")
    ada.post(f"{path}/cancel")
    wait_until(lambda: ada.get(path).json()["status"] == "cancelled", 15, "the end of the run")
    began = time.monotonic()
    assert ada.post(f"{path}/rerun", headers={"Prefer": "respond-async"}).status_code == 202
    assert time.monotonic() - began < 20
    for run in ada.get("/analysis?status=queued&status=running").json()["runs"]:
        ada.post(f"/analysis/{run['id']}/cancel")


def test_an_impossible_run_says_why(ada):
    body = {
        **SMALL,
        "interventions": [{"hypothesis": "H2", "outcome": "B", "from_year": 2030}],
        "observations": [{"hypothesis": "H2", "outcome": "A", "from_year": 2040}],
    }
    answer = ada.post("/analysis/run", json=body)
    assert (answer.status_code, "probability 0" in answer.json()["detail"]) == (422, True)


def test_studies_comparisons_influence_and_what_ifs_are_computed_elsewhere(ada):
    study = ada.post("/sensitivity", json={"method": "local", "parameters": ["posterior:*"]})
    assert (study.status_code, len(study.json()["swings"])) == (200, 6), study.text
    other = ada.post("/analysis/run", json={**SMALL, "seed": 5})
    baseline = ada.get("/analysis?published=true").json()["runs"][0]["id"]
    compared = ada.get(f"/analysis/compare?runs={baseline},{other.json()['run_id']}")
    assert (compared.status_code, len(compared.json()["scenarios"])) == (200, 64), compared.text
    item = ada.get("/evidence?limit=1").json()["evidence"][0]
    effect = ada.get(f"/evidence/{item['id']}/influence")
    assert effect.status_code == 200, effect.text
    assert effect.json()["evidence_id"] == item["id"]
    assert ada.get(f"/hypotheses/{item['hypothesis']}/influence").json()["items"]
    asked = ada.post("/what-if", json={"overrides": {"posteriors": {"H1": 0.9}}})
    assert asked.status_code == 200, asked.text
    assert asked.json()["hypothesis_intervals"]["H1"]["mean"] == pytest.approx(0.9, abs=0.05)


def test_who_waits_holds_no_thread(server, ada):
    """Forty clients wait for one run that is long: the web server has about as many threads as without them."""
    process, _ = server
    (web,) = [pid for pid, command in children_of(process.pid).items() if "daphne" in command]

    def threads() -> int:
        return int(re.search(r"Threads:\s+(\d+)", Path(f"/proc/{web}/status").read_text())[1])

    run = ada.post("/analysis/run", json=LONG | {"seed": 4}, headers={"Prefer": "respond-async"}).json()
    key = {"Idempotency-Key": "one", "Prefer": "wait=6"}
    before = threads()
    with ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(ada.post, f"/analysis/{run['run_id']}/rerun", headers=key) for _ in range(40)]
        time.sleep(4)
        while_waiting = threads()
        assert not any(each.done() for each in waiting)
        answers = [each.result() for each in waiting]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert while_waiting - before <= THREADS  # those that answer requests, each of which takes an instant
    for each in ada.get("/analysis?status=queued&status=running").json()["runs"]:
        ada.post(f"/analysis/{each['id']}/cancel")
