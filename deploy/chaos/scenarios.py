"""What is done to an installation while it computes. Whatever is down afterwards is started again by the caller."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import django_rq

from analysis.choices import RunStatus, WorkQueue
from analysis.models import AnalysisRun
from analysis.services.lifecycle import KINDS, MAX_LOSSES, SILENCE, computation_cancel
from analysis.services.workers import served_queues
from deploy.chaos.audit import numbers
from deploy.chaos.installation import WORKERS, patiently
from deploy.chaos.trial import Trial, heartbeats_move
from tests.dask_processes import DaskProcesses
from tests.processes import kill

STOP_SECONDS = 5.0
CANCEL_SECONDS = 2.0
AWAY_SECONDS = 3.0
"""For so long a server that was killed stays away."""
SMALL = 50_000
HUGE = 100_000_000


def undisturbed(trial: Trial) -> None:
    """Nothing is done: these are the numbers that all others must have."""
    trial.begin()
    for seed in (1, 2, 3):
        trial.ask(seed, owner=None, iterations=SMALL)
    trial.until(lambda: all(run.is_final for run in trial.runs()), "the end of every run")
    trial.reference |= {run.input_hash: numbers(run.result) for run in trial.runs() if run.result}


def worker_killed(trial: Trial) -> None:
    """SIGKILL to a worker: another takes its run up, from the checkpoint, as soon as it is missed."""
    trial.begin()
    trial.harm()
    trial.place.kill("worker 1")


def worker_stopped(trial: Trial) -> None:
    """SIGTERM to a worker: it ends in time, and its run goes back to the queue with a checkpoint."""
    trial.begin()
    trial.harm()
    _stop_in_time(trial, "worker 1")


def killed_again_and_again(trial: Trial) -> None:
    """A run whose workers die before they get anywhere is given up, with a reason that its owner can act on."""
    trial.place.stop("worker 2")
    run = trial.ask(1)
    for attempt in range(1, MAX_LOSSES + 1):
        trial.until(partial(trial.is_at_try, attempt), f"try {attempt}")
        trial.place.kill("worker 1")
        trial.place.start_worker("worker 1")
    trial.until(lambda: trial.runs()[0].is_final, "the end")
    run = trial.runs()[0]
    trial.expect((run.status, run.attempt) == (RunStatus.FAILED, MAX_LOSSES), f"failed at try {MAX_LOSSES}")
    trial.expect("run it again" in run.error, f"a reason to act on: {run.error!r}")


def daphne_killed(trial: Trial) -> None:
    """SIGKILL to the web server: the runs do not notice, and who follows them comes back."""
    trial.begin()
    trial.harm()
    trial.place.kill("daphne")


def redis_killed(trial: Trial) -> None:
    """SIGKILL to Redis, which comes back with its data; a run that is asked for meanwhile is not lost."""
    _redis_away(trial, lambda: None)


def redis_emptied(trial: Trial) -> None:
    """SIGKILL to Redis, which comes back with nothing: what waits is called for anew, and the workers sign on again."""
    _redis_away(trial, trial.place.redis_forget)


def postgresql_killed(trial: Trial) -> None:
    """SIGKILL to PostgreSQL, which is away for some seconds: the runs go on from their checkpoints."""
    trial.begin()
    trial.harm()
    trial.place.postgresql.kill()
    time.sleep(AWAY_SECONDS)
    trial.place.postgresql.start()


def queue_filled(trial: Trial) -> None:
    """Forty short runs of three users and of the system come at once, behind a long one: it makes way, all end."""
    long = trial.ask(1)
    trial.follow(long.pk)
    trial.until(trial.running, "the long run at work")
    for number in range(40):
        trial.ask(1 + number % 3, owner=(0, 1, 2, None)[number % 4], iterations=SMALL)


def worker_frozen(trial: Trial) -> None:
    """SIGSTOP to a worker until it is taken for dead and its run is another's, then SIGCONT: it must stop, unheard."""
    hit = trial.begin()
    trial.harm()
    process = trial.place.processes["worker 1"]
    process.send_signal(signal.SIGSTOP)
    try:
        patience = 3 * SILENCE.total_seconds()
        trial.until(lambda: _requeued(trial, hit), "the frozen worker's run is taken from it", patience)
        trial.until(lambda: all(run.status != RunStatus.QUEUED for run in trial.runs()), "another works on it")
    finally:
        process.send_signal(signal.SIGCONT)


def called_twice(trial: Trial) -> None:
    """Every call for a worker comes many times over: no run is worked on by two."""
    trial.begin()
    trial.harm()
    for _ in range(20):
        django_rq.get_queue(WorkQueue.ANALYSIS).enqueue_call(KINDS[AnalysisRun].job, result_ttl=0, failure_ttl=0)


def clock_jumps(trial: Trial) -> None:
    """Signs of life from an hour ago and from the next hour: whoever is taken for dead so is heard no more."""
    hit = trial.begin()
    trial.harm()
    for run, seconds in zip(hit, (-3600, 3600), strict=False):
        moved = partial(_taken_for_dead, trial, run, seconds)
        trial.until(moved, f"one whose signs are {seconds} s off is taken for dead", 20)


def cancelled(trial: Trial) -> None:
    """A run of the greatest size is cancelled while it is computed, and ends in time."""
    run = trial.ask(1, iterations=HUGE)
    trial.follow(run.pk)
    trial.until(lambda: any(each.iterations_completed for each in trial.running()), "the run at work")
    begun = time.monotonic()
    computation_cancel(computation=run, actor=None)
    trial.until(lambda: trial.runs()[0].is_final, "cancelled", CANCEL_SECONDS)
    trial.recovery = time.monotonic() - begun
    trial.expect(trial.runs()[0].status == RunStatus.CANCELLED, "it was cancelled")


def dask_worker_stopped(trial: Trial) -> None:
    """SIGTERM to a worker whose run a Dask cluster computes: as without one."""
    with _distributed(trial):
        _long_one_at_work(trial)
        trial.harm()
        _stop_in_time(trial, "worker 1")


def dask_worker_killed(trial: Trial) -> None:
    """SIGKILL to one of the cluster's two workers: the other computes its blocks too."""
    with _distributed(trial) as cluster:
        cluster.add_worker()
        _long_one_at_work(trial)
        trial.harm()
        kill(cluster.workers[0].pid)
        trial.until(lambda: trial.runs()[0].is_final, "the end of the run")
        trial.expect(trial.runs()[0].attempt == 1, "the run was not tried again")


def dask_gone(trial: Trial) -> None:
    """The Dask cluster dies in mid-run: its worker computes the rest itself."""
    with _distributed(trial) as cluster:
        _long_one_at_work(trial)
        trial.harm()
        kill(cluster.scheduler.pid)
        trial.until(lambda: trial.runs()[0].is_final, "the end of the run")


class Scenario(NamedTuple):
    """What is done, and whether the short form has it."""

    name: str
    act: Callable[[Trial], None]
    short: bool = False


SCENARIOS: Mapping[str, Scenario] = {
    scenario.act.__name__: scenario
    for scenario in (
        Scenario("nothing happens", undisturbed, short=True),
        Scenario("worker: SIGKILL", worker_killed),
        Scenario("worker: SIGTERM", worker_stopped),
        Scenario("worker: SIGKILL, three times", killed_again_and_again),
        Scenario("worker: frozen, taken for dead", worker_frozen),
        Scenario("daphne: SIGKILL", daphne_killed),
        Scenario("Redis: SIGKILL", redis_killed),
        Scenario("Redis: SIGKILL, data lost", redis_emptied, short=True),
        Scenario("PostgreSQL: SIGKILL", postgresql_killed),
        Scenario("queue filled", queue_filled),
        Scenario("every call comes again", called_twice),
        Scenario("clock of the signs of life jumps", clock_jumps),
        Scenario("cancelled at the greatest size", cancelled),
        Scenario("Dask: SIGTERM to the worker", dask_worker_stopped),
        Scenario("Dask: one of its workers SIGKILL", dask_worker_killed),
        Scenario("Dask: scheduler SIGKILL", dask_gone),
    )
}


def _stop_in_time(trial: Trial, name: str) -> None:
    process, begun = trial.place.processes[name], time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(4 * STOP_SECONDS)
    seconds = time.monotonic() - begun
    trial.expect(
        (code, seconds <= STOP_SECONDS) == (0, True), f"ends within {STOP_SECONDS:g} s: {code}, {seconds:.1f} s"
    )
    back = [run for run in trial.runs() if run.transitions.filter(reason="its worker was told to stop").exists()]
    trial.expect(len(back) == 1, "its run went back to the queue")


def _taken_for_dead(trial: Trial, run: AnalysisRun, seconds: float) -> bool:
    """Write a sign of life of another time over what its worker has written; whether the reaper saw it."""
    heartbeats_move(run, seconds)
    return _requeued(trial, [run])


def _requeued(trial: Trial, hit: list[AnalysisRun]) -> bool:
    return any(patiently(run.transitions.filter(reason="its worker fell silent").exists) for run in hit)


def _redis_away(trial: Trial, harm: Callable[[], None]) -> None:
    trial.begin()
    trial.harm()
    trial.place.redis_kill()
    harm()
    trial.ask(2, owner=None, iterations=SMALL)
    time.sleep(AWAY_SECONDS)
    trial.place.redis.ensure()
    trial.until(lambda: WorkQueue.ANALYSIS in served_queues(), "workers sign on", 15)


def _long_one_at_work(trial: Trial) -> None:
    run = trial.ask(1)
    trial.follow(run.pk)
    trial.until(lambda: trial.at_work() == 1, "the run at work, with a checkpoint")


@contextlib.contextmanager
def _distributed(trial: Trial):  # type: ignore[no-untyped-def] # the tests' own type
    """One worker, which hands long runs to a Dask cluster; none after the block."""
    place = trial.place
    for name in WORKERS:
        place.stop(name)
    with contextlib.ExitStack() as stack:
        cluster = DaskProcesses(place.folder, stack)
        cluster.add_worker()
        place.start_worker("worker 1", ENABLE_DISTRIBUTED="true", DASK_SCHEDULER_ADDRESS=cluster.address)
        yield cluster
        place.stop("worker 1")
