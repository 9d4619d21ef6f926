"""The short form of the chaos suite, and that its audit sees what is wrong."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from aifutures_site.environment import PROJECT
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from deploy.chaos.audit import faults, numbers
from deploy.chaos.installation import START_SECONDS
from deploy.chaos.trial import END_SECONDS
from tests.factories import AnalysisRunFactory, UserFactory
from tests.processes import running

LIMIT = 2
SCENARIOS = 2
RESULT = {"scenario_probabilities": {"A": 0.5}, "computation_time": 1.0, "metadata": {"threads": 2, "seed": 1}}


def test_runs_outlive_the_loss_of_workers_and_servers(tmp_path):
    """On processes of its own: see deploy/chaos. It gives up by itself before the time here is up."""
    command, log = [sys.executable, "-m", "deploy.chaos", "--short", "--logs"], tmp_path / "log"
    with running(*command, env={**os.environ, "PYTHONPATH": str(PROJECT)}, log=log) as process:
        try:
            code = process.wait(2 * START_SECONDS + SCENARIOS * END_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
    assert code == 0, log.read_text()
    assert log.read_text().count("well") == SCENARIOS, log.read_text()


def lived(*steps, **fields):
    """A run with this history: (status, second, attempt)."""
    fields = {"status": steps[-1][0], "input_hash": "1" * 64} | fields
    fields |= {"result": RESULT} if fields["status"] == RunStatus.SUCCEEDED and "result" not in fields else {}
    ended = {"finished_at": timezone.now()} if fields["status"] in {"succeeded", "failed"} else {}
    running = {"started_at": timezone.now(), "attempt": 1}
    run = AnalysisRunFactory(**running | ended | fields)
    for status, second, attempt in steps:
        run.transitions.create(status=status, at=START + timedelta(seconds=second), attempt=attempt)
    return AnalysisRun.objects.get(pk=run.pk)


START = timezone.now() - timedelta(hours=1)
QUEUED, RUNNING, SUCCEEDED = ("queued", 0, 0), ("running", 1, 1), ("succeeded", 5, 1)
RETRIED = [QUEUED, RUNNING, ("queued", 2, 1), ("running", 3, 2), ("succeeded", 4, 2)]


@pytest.mark.django_db
class TestAudit:
    @pytest.mark.parametrize("steps", [[QUEUED, RUNNING, SUCCEEDED], RETRIED], ids=["straight", "retried"])
    def test_a_lawful_life_is_without_fault(self, steps):
        assert faults([lived(*steps)], {"1" * 64: numbers(RESULT | {"computation_time": 9.0})}, LIMIT) == []

    @pytest.mark.parametrize(
        ("steps", "fields", "fault"),
        [
            ([QUEUED, RUNNING], {}, "still running"),
            ([QUEUED, SUCCEEDED], {}, "succeeded after queued"),
            ([QUEUED, RUNNING, SUCCEEDED, SUCCEEDED], {}, "succeeded after succeeded"),
            ([QUEUED, ("running", -1, 1), SUCCEEDED], {}, "running before the queued that it follows"),
            ([QUEUED, ("running", 1, 2), ("succeeded", 5, 2)], {}, "attempt 2 after 0"),
            ([RUNNING, SUCCEEDED], {}, "its history"),
            ([QUEUED, RUNNING, SUCCEEDED], {"result": RESULT | {"entropy": 1.0}}, "other numbers"),
            ([QUEUED, RUNNING, SUCCEEDED], {"input_hash": "2" * 64}, "no undisturbed run"),
        ],
    )
    def test_what_should_not_be_is_named(self, steps, fields, fault):
        (found, *_) = faults([lived(*steps, **fields)], {"1" * 64: numbers(RESULT)}, LIMIT)
        assert fault in found

    @pytest.mark.parametrize(("begun", "crowd"), [(2, True), (5, False)])
    def test_more_of_one_user_than_may_be_are_seen(self, begun, crowd):
        owner = UserFactory()
        steps = [[QUEUED, ("running", at, 1), ("succeeded", at + 3, 1)] for at in (1, 2, begun)]
        found = faults([lived(*each, owner=owner) for each in steps], {"1" * 64: numbers(RESULT)}, LIMIT)
        assert found == (["3 runs of one user at a time"] if crowd else [])
