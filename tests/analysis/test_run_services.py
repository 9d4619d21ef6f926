"""The life of a run in the database and the queue.

1 create -> queued, call in Redis after commit   2 start once   3 progress, checkpoint, end
4 a lost worker: requeued with its checkpoint, its late writes refused, given up at the third loss
5 cancel: at once while queued, at the next slice while running, whatever else happens to its worker
6 a call lost by Redis, or with a worker that had not begun, is made up for
"""

import django_rq
import pytest
from django.db import OperationalError, transaction
from django.utils import timezone
from redis import RedisError
from rq.job import JobStatus

from analysis.choices import RunStatus, WorkQueue
from analysis.engine.simulate import Progress, simulate
from analysis.jobs import execution
from analysis.jobs import runs as jobs
from analysis.models import AnalysisRun
from analysis.services import lifecycle, runs
from analysis.services.model_documents import model_document_build

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

PROGRESS = Progress(completed=4096, total=8192, rate=1e6, eta_seconds=0.1, max_half_width=0.01)


@pytest.fixture
def queued(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        return runs.run_create(
            document=model_document_build(model="published", iterations=5000), owner=None, name="A run"
        )


def started(run):
    taken = lifecycle.computation_start(model=AnalysisRun)
    assert taken == run
    return taken


def silence(run):
    AnalysisRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - 2 * lifecycle.SILENCE)


def history(run):
    return [transition.status for transition in run.transitions.all()]


def test_a_new_run_waits_in_the_queue_once_it_is_committed(queued):
    assert queued.status == RunStatus.QUEUED
    assert queued.iterations_total == 8192
    assert queued.job_id in django_rq.get_queue(WorkQueue.ANALYSIS).job_ids
    assert history(queued) == ["queued"]


def test_nothing_is_queued_where_the_transaction_is_undone(django_capture_on_commit_callbacks):
    before = django_rq.get_queue(WorkQueue.ANALYSIS).job_ids
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(ZeroDivisionError), transaction.atomic():
        run = runs.run_create(document=model_document_build(model="published"), owner=None)
        raise ZeroDivisionError
    assert not AnalysisRun.objects.filter(pk=run.pk).exists()
    assert django_rq.get_queue(WorkQueue.ANALYSIS).job_ids == before


def test_a_run_is_taken_once_however_often_workers_are_called(queued):
    run = started(queued)
    assert (run.status, run.attempt) == (RunStatus.RUNNING, 1)
    assert lifecycle.computation_start(model=AnalysisRun) is None


def test_a_run_that_succeeds_keeps_its_result_and_no_checkpoint(queued):
    run = started(queued)
    assert runs.run_progress(run=run, progress=PROGRESS) is False
    runs.run_checkpoint(run=run, checkpoint=b"state")
    result = simulate(model_document_build(model="published", iterations=5000))
    runs.run_succeed(run=run, result=result)
    run = AnalysisRun.objects.get(pk=run.pk)
    assert (run.status, run.iterations_completed, run.checkpoint) == (RunStatus.SUCCEEDED, 8192, None)
    assert run.progress_seq == 3, "started, a step, ended"
    assert run.result == result
    assert history(run) == ["queued", "running", "succeeded"]


def test_a_lost_workers_run_goes_on_elsewhere_and_its_late_writes_are_refused(
    queued, django_capture_on_commit_callbacks
):
    lost = started(queued)
    runs.run_checkpoint(run=lost, checkpoint=b"state")
    assert lifecycle.computations_reap() == 0
    silence(lost)
    with django_capture_on_commit_callbacks(execute=True):
        assert lifecycle.computations_reap() == 1
    waiting = AnalysisRun.objects.get(pk=lost.pk)
    assert (waiting.status, waiting.losses) == (RunStatus.QUEUED, 1)
    assert waiting.job_id in django_rq.get_queue(WorkQueue.ANALYSIS).job_ids
    again = started(waiting)
    assert bytes(again.checkpoint) == b"state"
    for write in (
        lambda: runs.run_progress(run=lost, progress=PROGRESS),
        lambda: runs.run_checkpoint(run=lost, checkpoint=b"late"),
        lambda: lifecycle.computation_fail(computation=lost, reason="late"),
        lambda: lifecycle.computation_heartbeat(computation=lost),
    ):
        with pytest.raises(lifecycle.Superseded):
            write()
    assert AnalysisRun.objects.get(pk=lost.pk).status == RunStatus.RUNNING


def test_a_run_that_loses_three_workers_is_given_up_with_a_reason(queued):
    run = queued
    for _ in range(lifecycle.MAX_LOSSES):
        run = started(AnalysisRun.objects.get(pk=run.pk))
        silence(run)
        lifecycle.computations_reap()
    run = AnalysisRun.objects.get(pk=run.pk)
    assert run.status == RunStatus.FAILED
    assert "run it again" in run.error


def test_a_checkpoint_clears_the_losses_before_it(queued):
    lost = started(queued)
    silence(lost)
    lifecycle.computations_reap()
    again = started(AnalysisRun.objects.get(pk=lost.pk))
    assert again.losses == 1
    runs.run_checkpoint(run=again, checkpoint=b"state")
    assert AnalysisRun.objects.get(pk=lost.pk).losses == 0


def test_being_told_to_stop_is_no_loss(queued):
    run = started(queued)
    lifecycle.computation_requeue(computation=run, reason="its worker was told to stop", checkpoint=b"state")
    run = AnalysisRun.objects.get(pk=run.pk)
    assert (run.status, run.losses, bytes(run.checkpoint)) == (RunStatus.QUEUED, 0, b"state")


def test_cancelling_a_waiting_run_ends_it_and_its_call_does_nothing(queued):
    assert lifecycle.computation_cancel(computation=queued, actor=None).status == RunStatus.CANCELLED
    assert lifecycle.computation_start(model=AnalysisRun) is None


def test_cancelling_a_running_run_is_seen_at_its_next_progress(queued):
    run = started(queued)
    assert lifecycle.computation_cancel(computation=run, actor=None).status == RunStatus.RUNNING
    assert runs.run_progress(run=run, progress=PROGRESS) is True
    lifecycle.computation_stop_cancelled(computation=run)
    assert lifecycle.computation_cancel(computation=run, actor=None).status == RunStatus.CANCELLED


def ended_as_cancelled(run):
    run = AnalysisRun.objects.get(pk=run.pk)
    assert (run.status, run.checkpoint) == (RunStatus.CANCELLED, None)
    assert run.finished_at is not None
    assert history(run) == ["queued", "running", "cancelled"]
    assert run.job_id not in django_rq.get_queue(WorkQueue.ANALYSIS).job_ids


def test_a_cancelled_run_whose_worker_is_told_to_stop_ends_and_does_not_wait(
    queued, django_capture_on_commit_callbacks
):
    run = started(queued)
    django_rq.get_queue(WorkQueue.ANALYSIS).remove(run.job_id)
    lifecycle.computation_cancel(computation=run, actor=None)
    with django_capture_on_commit_callbacks(execute=True):
        lifecycle.computation_requeue(computation=run, reason="its worker was told to stop", checkpoint=b"state")
    ended_as_cancelled(run)


def test_cancelling_wins_over_stopping_in_the_worker(queued, monkeypatch):
    run = started(queued)
    django_rq.get_queue(WorkQueue.ANALYSIS).remove(run.job_id)
    lifecycle.computation_cancel(computation=run, actor=None)
    monkeypatch.setattr(jobs, "SLICE_SECONDS", 0)
    monkeypatch.setattr(execution.stopping, "is_set", lambda: True)
    execution.conclude(run, jobs.compute, lambda run, result: runs.run_succeed(run=run, result=result))
    ended_as_cancelled(run)


@pytest.mark.parametrize("seen", [True, False])
def test_a_cancelled_run_whose_worker_is_lost_is_ended_by_the_reaper(queued, seen, monkeypatch):
    run = started(queued)
    django_rq.get_queue(WorkQueue.ANALYSIS).remove(run.job_id)
    silence(run)
    if seen:
        lifecycle.computation_cancel(computation=run, actor=None)
    else:  # the wish comes after the reaper has read the row, before it writes
        requeue = lifecycle.computation_requeue

        def overtaken(*, computation, **more):
            lifecycle.computation_cancel(computation=computation, actor=None)
            requeue(computation=computation, **more)

        monkeypatch.setattr(lifecycle, "computation_requeue", overtaken)
    assert lifecycle.computations_reap() == 1
    ended_as_cancelled(run)


def test_a_queued_run_that_is_to_be_cancelled_is_ended_by_the_reaper_and_not_taken(queued):
    AnalysisRun.objects.filter(pk=queued.pk).update(cancel_requested_at=timezone.now())
    assert lifecycle.computation_start(model=AnalysisRun) is None
    assert lifecycle.computations_reap() == 1
    assert AnalysisRun.objects.get(pk=queued.pk).status == RunStatus.CANCELLED
    assert history(queued) == ["queued", "cancelled"]


def forget(job, queue):
    job.delete()


def fail(job, queue):
    queue.remove(job)
    job.set_status(JobStatus.FAILED)


def lose_its_worker(job, queue):
    queue.remove(job)
    job.set_status(JobStatus.STARTED)


@pytest.mark.parametrize("harm", [forget, fail, lose_its_worker])
def test_a_lost_call_is_made_up_for_once(queued, harm):
    assert lifecycle.computations_reap() == 0
    queue = django_rq.get_queue(WorkQueue.ANALYSIS)
    harm(queue.fetch_job(queued.job_id), queue)
    assert queue.count == 0
    assert lifecycle.computations_reap() == 1
    (call,) = queue.jobs
    assert (call.func_name, call.get_status()) == ("analysis.jobs.run_execute", JobStatus.QUEUED)
    assert lifecycle.computations_reap() == 0


def test_a_write_outlives_a_moment_without_the_database_and_no_more(monkeypatch):
    monkeypatch.setattr(execution, "WRITE_AGAIN_SECONDS", 0)
    failures = iter([OperationalError, OperationalError])

    def write():
        for failure in failures:
            raise failure("away")
        return "written"

    assert execution.insist(write) == "written"
    failures = iter([OperationalError] * 3)
    with pytest.raises(OperationalError):
        execution.insist(write)


def test_a_redis_that_hangs_is_asked_for_more_urgent_work_once_in_a_while(queued, monkeypatch):
    now, asked = [100.0], []

    def hang(name):
        asked.append(now[0])
        now[0] += 2.0  # until it is given up
        raise RedisError("timed out")

    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(jobs, "urgent", [WorkQueue.DEFAULT])
    monkeypatch.setattr(jobs.django_rq, "get_queue", hang)
    simulation = jobs._Simulation(started(queued), execution.Watch())
    for _ in range(100):
        now[0] += 0.25
        assert not simulation._makes_way()
    assert len(asked) == pytest.approx((now[0] - 100) / (2.0 + jobs.QUIET_SECONDS), abs=1)


def test_checkpoints_are_spaced_by_what_they_cost(queued, monkeypatch):
    now, made = [100.0], []
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(runs, "run_checkpoint", lambda **written: None)
    simulation = jobs._Simulation(started(queued), execution.Watch())

    def make():
        made.append(now[0])
        now[0] += 0.5  # half a second to make: ten seconds to the next
        return b"state"

    for later in (0.5, 1.5, 2.5, 11, 13):
        now[0] = max(now[0], 100 + later)
        simulation.keep(make)
    assert made == [101.5, 113]
