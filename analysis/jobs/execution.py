"""One attempt at a computation, whatever its kind: taken, kept alive, ended well, stopped, or not at all."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection

from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.simulate import ClusterLost
from analysis.engine.spec import ModelError
from analysis.engine.stopping import Stopped
from analysis.models import Computation
from analysis.services import lifecycle

logger = logging.getLogger(__name__)

stopping = threading.Event()
"""Set when the worker is told to stop: what is in hand goes back to the queue."""

HEARTBEAT_SECONDS = 2.0
WRITES = 3
WRITE_AGAIN_SECONDS = 0.2
"""A database that is away for a moment costs nothing: a write is tried a few times, so long apart."""

ComputationT = TypeVar("ComputationT", bound=Computation)
T = TypeVar("T")


class Watch:
    """Whether the work in hand should go on; asked between two of its steps."""

    def __init__(self) -> None:
        self.cancelled = False

    def should_stop(self) -> bool:
        """Whether somebody asked to cancel it, or the worker is told to stop."""
        return self.cancelled or stopping.is_set()


def execute(
    model: type[ComputationT],
    compute: Callable[[ComputationT, Watch], Mapping[str, Any]],
    store: Callable[[ComputationT, Mapping[str, Any]], None],
) -> None:
    """Compute what is next of a kind and store its result; where nothing may be taken now, do nothing."""
    close_old_connections()  # this process is older than the database's last restart, perhaps
    row = lifecycle.computation_start(model=model)
    if row is None:
        return
    try:
        with _heartbeat(row):
            conclude(row, compute, store)
    except lifecycle.Superseded as reason:
        logger.warning("stopped working on what another has", extra={"id": str(row.pk), "reason": str(reason)})
    finally:
        close_old_connections()


def conclude(
    row: ComputationT,
    compute: Callable[[ComputationT, Watch], Mapping[str, Any]],
    store: Callable[[ComputationT, Mapping[str, Any]], None],
) -> None:
    """Compute and store how it ended: well, stopped, or not at all, with a reason for its owner."""
    watch, kind = Watch(), row._meta.verbose_name
    try:
        result = compute(row, watch)
    except Stopped as stopped:
        if watch.cancelled:  # also where the worker stops as well: it would never be taken up again
            lifecycle.computation_stop_cancelled(computation=row)
        else:
            _hand_back(row, stopped)
    except (ModelError, ImpossibleObservation, ClusterLost) as error:
        lifecycle.computation_fail(computation=row, reason=str(error))
    except MemoryError:
        reason = f"There was not enough memory for this {kind}: make it smaller, or take fewer years or hypotheses."
        lifecycle.computation_fail(computation=row, reason=reason)
    except (lifecycle.Superseded, DatabaseError, InterfaceError):
        raise  # nothing can be written now; where the database was lost, the reaper takes the row up again
    except Exception:
        logger.exception("a computation failed", extra={"kind": str(kind), "id": str(row.pk)})
        reason = f"The engine failed unexpectedly; the server's log names {kind} {row.pk}."
        lifecycle.computation_fail(computation=row, reason=reason)
    else:
        insist(lambda: store(row, result))


def _hand_back(row: Computation, stopped: Stopped) -> None:
    """Put what was stopped back into its queue, with the checkpoint that it can go on from if it has one."""
    reason = "its worker was told to stop" if stopping.is_set() else "it made way for shorter work"
    kept = {} if stopped.checkpoint is None else {"checkpoint": stopped.checkpoint}
    insist(lambda: lifecycle.computation_requeue(computation=row, reason=reason, at_end=not stopping.is_set(), **kept))


def insist(write: Callable[[], T]) -> T:
    """Do a write to the database, again where the database was away for a moment."""
    for _ in range(WRITES - 1):
        try:
            return write()
        except OperationalError:
            logger.warning("a write failed; trying again", exc_info=True)
            close_old_connections()
            time.sleep(WRITE_AGAIN_SECONDS)
    return write()


@contextlib.contextmanager
def _heartbeat(row: Computation) -> Iterator[None]:
    """Signs of life from a thread of its own, also while no step ends (compiling, writing the result)."""
    done = threading.Event()

    def beat() -> None:
        try:
            while not done.wait(HEARTBEAT_SECONDS):
                try:
                    close_old_connections()
                    lifecycle.computation_heartbeat(computation=row)
                except lifecycle.Superseded:
                    return
                except Exception:
                    logger.warning("a heartbeat failed", extra={"id": str(row.pk)}, exc_info=True)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
