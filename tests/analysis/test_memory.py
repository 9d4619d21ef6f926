"""Work that asks for more memory than there is ends with a reason, not with its worker."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from aifutures_site.environment import PROJECT
from analysis.choices import RunStatus
from analysis.jobs import execution
from analysis.models import AnalysisRun
from analysis.services import lifecycle, runs
from analysis.services.model_documents import model_document_build
from tests.processes import environment

BOUND = """
import django
import numpy as np
django.setup()
from analysis.jobs.memory import memory_bound
memory_bound()
np.ones(2**20)
try:
    np.ones(2**28)
except MemoryError as error:
    print(error)
"""


def test_a_worker_gets_as_much_as_is_configured(tmp_path):
    config = tmp_path / "limits.yaml"
    config.write_text("computation: {optimization: {memory_limit_gb: 1}}\n")
    env = environment(tmp_path, AIFUTURES_CONFIG=str(config), DJANGO_SETTINGS_MODULE="aifutures_site.settings")
    command = [sys.executable, "-c", BOUND]
    found = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    assert "Unable to allocate 2.00 GiB" in found.stdout, found.stderr


@pytest.mark.django_db
def test_a_run_that_asks_for_too_much_fails_with_a_reason():
    run = runs.run_create(document=model_document_build(model="published", iterations=5000), owner=None)
    taken = lifecycle.computation_start(model=AnalysisRun)
    execution.conclude(taken, lambda row, watch: {"sums": np.ones(2**46)}, runs.run_succeed)
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert run.error == "There was not enough memory for this run: make it smaller, or take fewer years or hypotheses."
