"""Runs on a Dask cluster of real processes: the same bits, whatever happens to its workers (MODEL.md 4)."""

import contextlib
import os
import signal

import pytest

from analysis.engine import distributed
from analysis.engine.sampling import ROUND
from analysis.engine.simulate import ClusterLost, run_key, simulate
from analysis.engine.spec import parse_model
from analysis.engine.stopping import Stopped
from analysis.engine.tally import Tally
from tests.dask_processes import DaskProcesses
from tests.engine.test_simulate import numbers
from tests.processes import alive, wait_until


@pytest.fixture
def processes(tmp_path):
    with contextlib.ExitStack() as stack:
        yield DaskProcesses(tmp_path, stack)


@pytest.fixture
def document(study):
    study["run"]["iterations"] = 500_000
    return parse_model(study)


def bits(result):
    """Hash of all that must be equal wherever a result was computed."""
    return numbers(result | {"metadata": result["metadata"] | {"backend": ""}})


def test_any_number_of_workers_gives_the_bits_of_this_process(document, processes, monkeypatch):
    here = bits(simulate(document))
    monkeypatch.setattr(distributed, "PATIENCE_SECONDS", 0.5)
    with distributed.connected(processes.address) as cluster, pytest.raises(ClusterLost, match="no worker"):
        simulate(document, cluster=cluster, slice_seconds=0.1)
    for count in (1, 2, 3):
        processes.add_worker()
        seen = []
        with distributed.connected(processes.address) as cluster:
            there = simulate(document, cluster=cluster, slice_seconds=0.05, on_progress=seen.append)
        assert bits(there) == here
        assert (there["metadata"]["backend"], there["metadata"]["threads"]) == ("dask", count)
        assert [progress.completed for progress in seen] == sorted(progress.completed for progress in seen)
        assert len({progress.completed for progress in seen}) > 2


def stopped_after(document, rounds, **options):
    """Checkpoint of a run that was stopped once it had so many rounds, before its end."""
    seen = []
    with pytest.raises(Stopped) as stopped:
        simulate(
            document,
            slice_seconds=0.01,
            on_progress=seen.append,
            should_stop=lambda: seen[-1].completed >= rounds * ROUND,
            **options,
        )
    assert seen[-1].completed < seen[-1].total
    return stopped.value.checkpoint


def test_a_worker_that_dies_and_moves_between_here_and_there_leave_every_bit_alone(document, processes):
    processes.add_worker()
    processes.add_worker()

    def disturb(progress):
        if progress.completed > 0.4 * progress.total:
            processes.workers[0].kill()

    here = stopped_after(document, 3, threads=1, chunk=256)
    with distributed.connected(processes.address) as cluster:
        there = stopped_after(document, 20, cluster=cluster, checkpoint=here)
        end = simulate(document, cluster=cluster, slice_seconds=0.01, checkpoint=there, on_progress=disturb)
    assert processes.workers[0].wait() == -signal.SIGKILL
    assert bits(end) == bits(simulate(document, checkpoint=there)) == bits(simulate(document))


def test_a_worker_that_freezes_with_results_in_hand_holds_nobody_up(document, processes):
    processes.add_worker()
    with distributed.connected(processes.address) as cluster:
        stream = cluster.stream(document, range(4096))
        while not stream.take(1):
            pass
        wait_until(stream._tasks[0].done, 60)
        processes.workers[0].send_signal(signal.SIGSTOP)
        try:
            assert stream.take(0.5) == []
        finally:
            processes.workers[0].send_signal(signal.SIGCONT)
        wait_until(lambda: stream.take(1), 60)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_scheduler_that_goes_away_leaves_a_checkpoint_to_go_on_from(document, processes, sign):
    processes.add_worker()

    def disturb(progress):
        if progress.completed > 0.2 * progress.total and processes.scheduler.poll() is None:
            processes.scheduler.send_signal(sign)
            processes.scheduler.wait()

    with pytest.raises(ClusterLost, match="scheduler") as lost, distributed.connected(processes.address) as cluster:
        simulate(document, cluster=cluster, slice_seconds=0.01, on_progress=disturb)
    assert Tally.from_bytes(lost.value.checkpoint, f"{run_key(document)}/local").rounds > 1
    assert bits(simulate(document, checkpoint=lost.value.checkpoint)) == bits(simulate(document))


def test_no_scheduler_is_told_at_once(monkeypatch):
    monkeypatch.setattr(distributed, "CONNECT_SECONDS", 0.2)
    nowhere = "tcp://127.0.0.1:1"
    with pytest.raises(ClusterLost, match=f"no Dask scheduler at {nowhere}"), distributed.connected(nowhere):
        pass


def test_a_worker_with_another_engine_is_refused(document):
    with pytest.raises(ClusterLost, match="another engine"):
        distributed.compute_rounds(0, 1, "another engine", document.model_dump_json(by_alias=True))


def test_tallies_of_nodes_add_up_to_those_of_rounds(document):
    whole, parts = Tally(), Tally()
    identity, text = distributed.engine_identity(document), document.model_dump_json(by_alias=True)
    for first, rounds in [(0, 1), (1, 1), (2, 2), (4, 4), (8, 2), (10, 1)]:
        parts.extend(distributed.compute_rounds(first, rounds, identity, text))
        for index in range(first, first + rounds):
            whole.extend(distributed.compute_rounds(index, 1, identity, text))
    assert parts.to_bytes("") == whole.to_bytes("")
    with pytest.raises(ValueError, match="2 rounds are no node of the tree after 11"):
        parts.extend(distributed.compute_rounds(11, 2, identity, text))


def test_worker_processes_for_trying_hear_no_interrupt_and_end_with_the_block(document):
    with distributed.local_processes(1) as cluster:
        (worker,) = cluster.client.run(os.getpid).values()
        os.kill(worker, signal.SIGINT)
        assert bits(simulate(document, cluster=cluster)) == bits(simulate(document))
    assert not alive(worker)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
