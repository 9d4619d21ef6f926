"""Long runs on a configured Dask cluster: handed over, cancelled, and what happens where it cannot be used."""

import contextlib
import time

import pytest

from aifutures_site.config import get_config
from analysis.choices import RunStatus
from analysis.engine import distributed
from analysis.engine.simulate import simulate
from analysis.engine.spec import parse_model
from analysis.engine.verification import NOT_COMPARED
from analysis.jobs import execution
from analysis.jobs import runs as jobs
from analysis.models import AnalysisRun
from analysis.services import cluster, lifecycle, runs
from analysis.services.model_documents import model_document_build
from tests.dask_processes import DaskProcesses

pytestmark = pytest.mark.django_db

NOWHERE = "tcp://127.0.0.1:1"


@pytest.fixture
def configured(monkeypatch):
    """Set the service's variables for this test."""

    def configure(**variables):
        service = get_config().service.model_copy(update={"enable_distributed": True, **variables})
        config = get_config().model_copy(update={"service": service})
        for module in (cluster, jobs):
            monkeypatch.setattr(module, "get_config", lambda: config)

    return configure


def concluded(iterations):
    """A run of the published study, as a worker would end it."""
    document = model_document_build(model="published", iterations=iterations)
    runs.run_create(document=document, owner=None, fresh=True)
    run = lifecycle.computation_start(model=AnalysisRun)
    store = lambda run, result: runs.run_succeed(run=run, result=result)  # noqa: E731
    execution.conclude(run, jobs.compute, store)
    return AnalysisRun.objects.get(pk=run.pk)


def compared(result):
    left_out = {path.removeprefix("metadata.") for path in NOT_COMPARED}
    metadata = {key: value for key, value in result["metadata"].items() if key not in left_out}
    return {**{key: value for key, value in result.items() if key not in left_out}, "metadata": metadata}


def test_only_long_runs_go_to_the_cluster_and_only_where_there_is_one(configured):
    assert cluster.cluster_address(iterations=10**9) is None
    configured(dask_scheduler_address=NOWHERE)
    assert cluster.cluster_address(iterations=10**9) == NOWHERE
    assert cluster.cluster_address(iterations=10**5) is None


def test_a_run_is_handed_over_and_a_cancelled_one_ends_at_once(configured, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CLUSTER_ITERATIONS", 0)
    asked = []
    record = runs.run_progress

    def progress(*, run, progress):
        if progress.completed > 4096 and progress.total > 10**6 and not asked:
            lifecycle.computation_cancel(computation=run, actor=None)
            asked.append(time.monotonic())
        return record(run=run, progress=progress)

    monkeypatch.setattr(runs, "run_progress", progress)
    with contextlib.ExitStack() as stack:
        processes = DaskProcesses(tmp_path, stack)
        processes.add_worker()
        configured(dask_scheduler_address=processes.address)
        run = concluded(300_000)
        cancelled = concluded(90_000_000)
        ended = time.monotonic()
    assert (run.status, run.result["metadata"]["backend"]) == (RunStatus.SUCCEEDED, "dask")
    assert compared(run.result) == compared(simulate(parse_model(run.model_document)))
    assert cancelled.status == RunStatus.CANCELLED
    assert cancelled.iterations_completed < cancelled.iterations_total
    assert ended - asked[0] < 20


def test_without_its_cluster_a_run_goes_on_in_its_worker_or_fails_with_a_reason(configured, monkeypatch):
    monkeypatch.setattr(cluster, "CLUSTER_ITERATIONS", 0)
    monkeypatch.setattr(distributed, "CONNECT_SECONDS", 0.2)
    configured(dask_scheduler_address=NOWHERE)
    run = concluded(20_000)
    assert (run.status, run.result["metadata"]["backend"]) == (RunStatus.SUCCEEDED, "local")
    configured(dask_scheduler_address=NOWHERE, distributed_fallback=False)
    run = concluded(20_000)
    assert run.status == RunStatus.FAILED
    assert "cluster" in run.error
    assert NOWHERE not in run.error
