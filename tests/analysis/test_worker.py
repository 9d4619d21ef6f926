"""Real workers on a real queue: killed, stopped, cancelled; the numbers stay those of an undisturbed run."""

import json
import signal
import sqlite3
import sys
from contextlib import closing

import pytest

from aifutures_site.embedded import embedded_redis
from aifutures_site.environment import PROJECT
from analysis.engine.simulate import simulate
from analysis.engine.spec import parse_model
from tests.processes import START_SECONDS, environment, installed, kill, manage, running, wait_for_start, wait_until

EVERY_QUEUE = (sys.executable, str(PROJECT / "manage.py"), "worker")
WORKER = (*EVERY_QUEUE, "--queue", "analysis")
LONG = 15_000_000
"""Iterations that keep a worker busy for some seconds: time enough to disturb it."""


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """An embedded installation of its own: SQLite, Redis, the evidence."""
    folder = installed(tmp_path_factory.mktemp("an installation"))
    with embedded_redis(folder):
        yield folder, environment(folder)


def row(folder, *columns):
    """Columns of the newest run, read from outside."""
    with closing(sqlite3.connect(folder / "db.sqlite3", timeout=20)) as database:
        query = f"select {', '.join(columns)} from analysis_analysisrun order by created_at desc limit 1"
        return database.execute(query).fetchone()


def study_status(folder):
    with closing(sqlite3.connect(folder / "db.sqlite3", timeout=20)) as database:
        query = "select status from analysis_sensitivitystudy order by created_at desc limit 1"
        return database.execute(query).fetchone()[0]


def transitions(folder):
    """Why the newest run changed its status, each time."""
    with closing(sqlite3.connect(folder / "db.sqlite3", timeout=20)) as database:
        run = "(select id from analysis_analysisrun order by created_at desc limit 1)"
        found = database.execute(f"select reason from analysis_runtransition where run_id = {run} order by at")
        return [reason for (reason,) in found]


def status(folder):
    return row(folder, "status")[0]


def queue_run(env, iterations):
    done = manage(
        "run_analysis", "--no-wait", "--fresh", "--model", "published", "--iterations", str(iterations), env=env
    )
    assert done.returncode == 0, done.stderr


def long_run_in_hand(installation, worker, log):
    """Queue a long run and return once the worker has kept a checkpoint of it."""
    folder, env = installation
    queue_run(env, LONG)
    wait_for_start(worker, log, lambda: row(folder, "checkpoint is not null")[0])


def numbers(result):
    metadata = {key: value for key, value in result["metadata"].items() if key != "threads"}
    return json.dumps(result | {"computation_time": None, "metadata": metadata}, sort_keys=True)


def test_a_killed_and_a_stopped_worker_cost_time_and_not_one_bit(installation, tmp_path):
    folder, env = installation
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    with running(*WORKER, env=env, log=first) as worker:
        long_run_in_hand(installation, worker, first)
        kill(worker.pid)
    done = row(folder, "iterations_completed")[0]
    assert (status(folder), 0 < done < LONG) == ("running", True)

    with running(*WORKER, env=env, log=second) as worker:
        wait_until(lambda: row(folder, "iterations_completed")[0] > done, START_SECONDS, "the second worker goes on")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(START_SECONDS) == 0, second.read_text()
    assert row(folder, "status", "attempt", "losses") == ("queued", 2, 1)

    with running(*WORKER, env=env, log=third):
        wait_until(lambda: status(folder) not in {"queued", "running"}, START_SECONDS, "the end")
    end, document, result = row(folder, "status", "model_document", "result")
    assert end == "succeeded", third.read_text()
    undisturbed = simulate(parse_model(document))
    assert numbers(json.loads(result)) == numbers(json.loads(json.dumps(undisturbed)))


def test_a_running_run_is_cancelled_before_its_end(installation, tmp_path):
    folder, env = installation
    log = tmp_path / "log"
    with running(*WORKER, env=env, log=log) as worker:
        long_run_in_hand(installation, worker, log)
        with closing(sqlite3.connect(folder / "db.sqlite3", timeout=20)) as database:
            # what `run_cancel` writes of a running run; this process has the settings of another installation, and
            # one of its own would take seconds to start while the run ends
            database.execute(
                "update analysis_analysisrun set cancel_requested_at = datetime('now') where status = 'running'"
            )
            database.commit()
        wait_until(lambda: status(folder) not in {"queued", "running"}, START_SECONDS, "the end")
    assert status(folder) == "cancelled", log.read_text()
    assert row(folder, "iterations_completed")[0] < LONG


ASK = """
import time
from analysis.services.model_documents import model_document_build
from analysis.services.runs import run_create
from analysis.services.studies import report_create, study_create
from analysis.services.what_if import what_if_ask

document = model_document_build(model="published", iterations=4096)
run = run_create(document=document, owner=None)
study = study_create(document=document, request={"method": "local"}, owner=None)
report = report_create(document=document, owner=None, iterations=4096)
print(what_if_ask(user=None, run=run, request={"overrides": {"priors": {"H1": 0.9}}}, seconds=60)["schema"])
rows = [run, study, report]
deadline = time.monotonic() + 60
while not all(row.is_final for row in rows) and time.monotonic() < deadline:
    time.sleep(0.1)
    rows = [type(row).objects.get(pk=row.pk) for row in rows]
print(*((row.result_document or {}).get("schema", row.status) for row in rows))
"""


def test_one_worker_answers_questions_studies_and_runs(installation, tmp_path):
    _, env = installation
    log = tmp_path / "log"
    with running(*EVERY_QUEUE, env=env, log=log) as worker:
        wait_for_start(worker, log, lambda: "ready" in log.read_text())
        done = manage("shell", "-v0", "-c", ASK, env=env)
    assert done.stdout.split() == [
        *("aifutures.what_if/1", "aifutures.result/1", "aifutures.sensitivity/1", "aifutures.robustness/1")
    ], (done.stderr, log.read_text())


def test_a_long_run_makes_way_for_a_study(installation, tmp_path):
    folder, env = installation
    log = tmp_path / "log"
    with running(*EVERY_QUEUE, env=env, log=log) as worker:
        long_run_in_hand(installation, worker, log)
        code = (
            "from analysis.services.model_documents import model_document_build as build;"
            "from analysis.services.studies import study_create;"
            "study_create(document=build(model='published'), request={'method': 'local'}, owner=None, fresh=True)"
        )
        assert manage("shell", "-v0", "-c", code, env=env).returncode == 0
        wait_until(lambda: study_status(folder) == "succeeded", START_SECONDS, "the study")
        assert status(folder) in {"queued", "running"}, "the run had ended before: nothing is shown"
        assert "it made way for shorter work" in transitions(folder)
        going_on = (1, "running")
        wait_until(lambda: row(folder, "iterations_completed > 0", "status") == going_on, START_SECONDS, "the run")
    assert row(folder, "status", "losses") == ("queued", 0)


def test_a_long_run_makes_way_for_a_shorter_one(installation, tmp_path):
    folder, env = installation
    log = tmp_path / "log"
    with running(*WORKER, env=env, log=log) as worker:
        long_run_in_hand(installation, worker, log)
        queue_run(env, 4096)
        wait_until(lambda: status(folder) == "succeeded", START_SECONDS, "the shorter run")
        with closing(sqlite3.connect(folder / "db.sqlite3", timeout=20)) as database:
            newest = "from analysis_analysisrun where iterations_total > 4096 order by created_at desc limit 1"
            found = database.execute(f"select status, losses {newest}").fetchone()
    assert found in {("queued", 0), ("running", 0)}, "the run had ended before: nothing is shown"


def test_an_impossible_observation_fails_with_its_reason(installation, tmp_path):
    folder, env = installation
    arguments = ("--model", "published", "--iterations", "4096", "--do", "H2=B@2030", "--given", "H2=A@2040")
    with running(*WORKER, env=env, log=tmp_path / "log"):
        done = manage("run_analysis", *arguments, env=env)
    assert done.returncode == 1
    assert "the observations have probability 0 in 2040" in done.stderr
    assert row(folder, "status", "error")[0] == "failed"


def test_without_redis_worker_and_run_analysis_say_so_in_one_line(tmp_path):
    env = environment(tmp_path / "elsewhere", REDIS_URL="redis://127.0.0.1:1/0")
    done = manage("worker", env=env)
    assert done.returncode == 1
    assert done.stderr.strip() == "CommandError: no Redis: start `make serve` or set REDIS_URL"


def test_the_demo_ends_with_a_published_baseline_its_result_and_a_picture(tmp_path):
    folder = tmp_path / "demo data"
    env = environment(folder, MONTE_CARLO_ITERATIONS="65536")
    for _ in range(2):
        done = manage("demo", env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("demo-") == 4
        assert "Published run" in done.stdout
        assert "make serve" in done.stdout
    result = json.loads((folder / "demo" / "result.json").read_text())
    assert sum(result["scenario_probabilities"].values()) == pytest.approx(1)
    assert (folder / "demo" / "overview.png").read_bytes().startswith(b"\x89PNG")
    assert row(folder, "status", "published_at is not null") == ("succeeded", 1)
    with closing(sqlite3.connect(folder / "db.sqlite3")) as database:
        assert database.execute("select count(*) from evidence_evidence").fetchone() == (120,)
