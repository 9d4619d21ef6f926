"""simulate and run_analysis as people type them, with what they may get wrong."""

import copy
import errno
import io
import json
import os
from pathlib import Path

import django_rq
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from redis import RedisError

from analysis.choices import RunStatus, WorkQueue
from analysis.engine.simulate import Progress
from analysis.management.commands import run_analysis
from analysis.management.output import write_output
from analysis.models import AnalysisRun
from analysis.services.model_documents import PUBLISHED_STUDY
from analysis.terminal import ProgressBar
from tests.processes import environment, manage


def test_who_follows_a_run_goes_on_while_redis_and_the_database_are_away(monkeypatch):
    def lost(*arguments, **named):
        raise fault("away")

    waiting = AnalysisRun(status=RunStatus.QUEUED)
    monkeypatch.setattr(AnalysisRun.objects, "get", lambda **named: waiting)
    fault = RedisError
    monkeypatch.setattr(run_analysis.Worker, "count", lost)
    assert run_analysis._look_at(waiting) == (waiting, "Waiting for the queue, which cannot be reached now")
    fault = OperationalError
    monkeypatch.setattr(AnalysisRun.objects, "get", lost)
    assert run_analysis._look_at(waiting) == (waiting, "Waiting for the database, which cannot be reached now")


def change(**changes):
    def apply(document):
        document.update(changes)

    return apply


def run(**choices):
    return lambda document: document["run"].update(choices)


def first_hypothesis(**values):
    return lambda document: document["hypotheses"][0].update(values)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (first_hypothesis(speed=float("nan")), "hypotheses[0].speed"),
        (first_hypothesis(prior_probability=0), "hypotheses[0].prior_probability"),
        (first_hypothesis(prior_probability=1), "hypotheses[0].prior_probability"),
        (first_hypothesis(colour="red"), "hypotheses[0].colour: unknown key"),
        (lambda document: document.pop("clusters"), "clusters: missing key"),
        (first_hypothesis(code="H2"), "hypotheses[1].code: duplicate"),
        (lambda document: document["influences"][0].update(target="H1"), "influences[0]: H1 cannot influence itself"),
        (lambda document: document["influences"][0].update(target="H7"), "influences[0].target: unknown hypothesis"),
        (lambda document: document["settings"]["evidence"].update(recency_weight=0.5), "settings.evidence: "),
        (lambda document: document["clusters"].pop(), "clusters[1].pattern"),
        (change(base_year=2050, end_year=2025), "end_year"),
        (run(iterations=0), "run.iterations"),
        (run(iterations=-5), "run.iterations"),
        (run(iterations=10**12), "run.iterations"),
    ],
)
def test_a_bad_model_is_refused_in_one_line_that_names_the_path(tmp_path, damage, named):
    document = copy.deepcopy(json.loads(PUBLISHED_STUDY.read_text()))
    damage(document)
    path = tmp_path / "a model.json"
    path.write_text(json.dumps(document))
    with pytest.raises(CommandError) as refused:
        call_command("simulate", str(path))
    assert refused.value.returncode == 2
    assert named in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--iterations", "0"], "run.iterations"),
        (["--iterations", "-5"], "run.iterations"),
        (["--iterations", "1000000000000"], "run.iterations"),
        (["--do", "H9=A@2030"], "unknown hypothesis 'H9'"),
        (["--do", "H9=A"], "--do 'H9=A': must look like H5=A@2030"),
        (["--given", "H2=C@2030"], "--given 'H2=C@2030'"),
        (["--do", "H9\n=A"], r"--do 'H9\n=A'"),
        (["--given", "H2=A@1999"], "run.observations[0].from_year"),
        (["--target-year", "2060"], "run.target_year"),
        (["--threads", "0"], "--threads"),
        (["--output", "/no such folder/out.json"], "cannot be written"),
        (["--do", "H2=B@2030", "--given", "H2=A@2035"], "the observations have probability 0 in 2035"),
    ],
)
def test_bad_options_are_refused_in_one_line(arguments, named):
    with pytest.raises(CommandError) as refused:
        call_command("simulate", str(PUBLISHED_STUDY), *arguments)
    assert refused.value.returncode == 2
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"not json", b"\xff\x00", b""])
def test_the_process_says_one_line_and_exits_with_2(tmp_path, content):
    path = tmp_path / "model.json"
    if content is not None:
        path.write_bytes(content)
    done = manage("simulate", str(path), env=environment(tmp_path / "data"))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(path) in done.stderr
    assert not done.stdout


def test_simulate_needs_no_database_and_writes_the_result(tmp_path):
    output = tmp_path / "out.json"
    done = manage(
        *("simulate", str(PUBLISHED_STUDY), "--iterations", "20000", "--do", "H5=A@2030", "--output", str(output)),
        env=environment(tmp_path / "data", DATABASE_URL="postgres://nobody@127.0.0.1:1/none", SECRET_KEY="x" * 60),
    )
    assert done.returncode == 0, done.stderr
    assert "Most likely scenarios in 2050" in done.stdout
    assert "Converged" in done.stdout
    result = json.loads(output.read_text())
    assert result["schema"] == "aifutures.result/1"
    assert result["metadata"]["iterations"] == 20480
    assert result["temporal_evolution"][-1]["hypotheses"]["H5"]["mean"] == pytest.approx(1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--iterations", "0"], "run.iterations"),
        (["--do", "H9=A@2030"], "unknown hypothesis 'H9'"),
        (["--no-wait", "--publish"], "--publish and --output need --wait"),
        (["--name", "n" * 201], "--name"),
        (["--name", "two\nlines"], "--name"),
        (["--output", "/no such folder/out.json"], "/no such folder/out.json: cannot be written"),
    ],
)
def test_run_analysis_refuses_before_anything_is_queued(arguments, named):
    queue = django_rq.get_queue(WorkQueue.ANALYSIS)
    queue.empty()
    with pytest.raises(CommandError) as refused:
        call_command("run_analysis", *arguments)
    assert refused.value.returncode == 2
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
    assert AnalysisRun.objects.count() == 0
    assert queue.job_ids == []


def test_a_pipe_is_no_model(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(CommandError, match="not a regular file"):
        call_command("simulate", str(path))


def test_an_output_is_replaced_in_one_step_and_left_alone_where_that_fails(tmp_path, monkeypatch):
    output = tmp_path / "out.json"
    output.write_text("before")
    write_output(output, "after")
    assert output.read_text() == "after"

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CommandError, match="cannot be written: No space left on device"):
        write_output(output, "never")
    assert output.read_text() == "after"
    assert list(tmp_path.iterdir()) == [output]


def test_a_run_that_converges_early_leaves_its_bar_on_a_line_of_its_own(tmp_path):
    path = tmp_path / "model.json"
    document = json.loads(PUBLISHED_STUDY.read_text())
    document["run"].update(iterations=50_000_000, stop_when_converged=True)
    path.write_text(json.dumps(document))
    screen = Terminal(live=True)
    call_command("simulate", str(path), stdout=io.StringIO(), stderr=screen, force_color=True)
    assert screen.getvalue().startswith("\r")
    assert screen.getvalue().endswith("\n")
    assert "\x1b" not in screen.getvalue()


class Terminal(io.StringIO):
    """A terminal that remembers; `write` as Django's OutputWrapper has it."""

    def __init__(self, live):
        super().__init__()
        self.live = live

    def isatty(self):
        return self.live

    def write(self, msg="", style_func=None, ending=None):
        super().write(msg + ("\n" if ending is None else ending))


def test_the_bar_is_drawn_over_itself_on_a_terminal_and_ends_once():
    screen = Terminal(live=True)
    bar = ProgressBar(screen)
    half = Progress(5_000, 10_000, 2e6, 61, 1e-4)
    bar.show(half)
    bar.show(half._replace(completed=10_000, eta_seconds=0))
    bar.show(half._replace(completed=10_000, eta_seconds=0))
    assert screen.getvalue().count("\r") == 2
    assert "50 %  5,000 of 10,000 iterations  2.00 M/s  1 min 1 s left  half-width 1.0e-04" in screen.getvalue()
    assert screen.getvalue().count("\n") == 1


def test_elsewhere_plain_lines_come_now_and_then():
    log = Terminal(live=False)
    bar = ProgressBar(log)
    for completed in (1_000, 2_000, 3_000, 10_000):
        bar.show(Progress(completed, 10_000, 2e6, 1, 1e-4))
    assert [line.split()[2] for line in log.getvalue().splitlines()] == ["1,000", "10,000"]
