"""`worker`: one long-lived process that computes what waits in its queues."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import threading
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

import django_rq
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections, connection
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker_registration import REDIS_WORKER_KEYS

from accounts.tokens import tokens_forget_expired
from aifutures_site.embedded import NoRedis, is_up, require_redis
from analysis.choices import WorkQueue
from analysis.jobs import runs, stopping
from analysis.jobs.memory import memory_bound
from analysis.jobs.warm_up import precisions, warm_up
from analysis.services.lifecycle import computations_reap
from analysis.services.threads import engine_threads
from evidence.services.import_files import files_forget

logger = logging.getLogger(__name__)

TICK_SECONDS = 3.0
NICE = 10
"""By how much a worker of long work steps back, so that whoever waits before a screen is answered first."""
DAY_SECONDS = 86_400.0
LOST_SECONDS = 0.5
"""Between two looks whether a lost Redis is back."""


class Worker(SimpleWorker):
    """Runs jobs in this process, whose kernels stay warm; a signal also reaches the work in hand."""

    max_connection_wait_time = 1.0  # who waits longer and longer for a lost Redis overlooks that it is back
    _signed_off = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Let the run in hand finish its slice, keep its checkpoint and go back to the queue; then end."""
        stopping.set()
        with contextlib.suppress(RedisError):  # without Redis nobody can be told, and the run in hand must not fail
            super().request_stop(signum, frame)

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()
        self._stop_requested = stopping.is_set()  # it came before this worker listened

    def teardown(self) -> None:
        """Sign off, where Redis is there to be told."""
        self._signed_off = True
        listener: Any = self.pubsub_thread
        if is_up(settings.REDIS_URL):
            super().teardown()
        elif listener is not None:
            listener.stop()

    def register_birth(self) -> None:
        """Sign on, again where Redis has lost all it knew: names are never given twice, so what is there is ours."""
        self.connection.delete(self.key)
        super().register_birth()

    def show_alive(self) -> None:
        """A sign of life, until it has signed off."""
        if self._signed_off:
            return
        if not self.connection.sismember(REDIS_WORKER_KEYS, self.key):
            self.register_birth()
        self.heartbeat()

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job; where Redis is lost meanwhile, end this worker: how the run ended is in the database."""
        try:
            super().execute_job(job, queue)
        except RedisError as error:
            logger.warning("Redis was lost", extra={"reason": str(error)})
            raise StopRequested from None


class Command(BaseCommand):
    help = (
        "Compute what is queued until SIGTERM or Ctrl-C; a run in hand goes back to the queue, nothing of it is lost."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--queue",
            action="append",
            choices=WorkQueue.values,
            help="a queue to serve, most urgent first; may be repeated (default: interactive, default, analysis)",
        )
        parser.add_argument("--burst", action="store_true", help="end when the queues are empty")

    def handle(self, *args: Any, queue: list[str] | None, burst: bool, **options: Any) -> None:
        try:
            require_redis(settings.REDIS_URL)
        except NoRedis as error:
            raise CommandError(str(error)) from None
        queues = [WorkQueue(name) for name in queue or WorkQueue]
        names = [name.value for name in queues]
        if WorkQueue.INTERACTIVE not in queues:
            os.nice(NICE)
        self.stdout.write(
            f"worker: preparing the engine in {' and '.join(precisions(queues))}; "
            "the first time compiles it, half a minute for each"
        )
        warm_up(queues)
        memory_bound()
        logging.getLogger("rq.worker").setLevel(logging.WARNING)  # its four lines for each job tell nothing of the work
        runs.urgent[:] = queues[: queues.index(WorkQueue.ANALYSIS)] if WorkQueue.ANALYSIS in queues else []
        self.stdout.write(f"worker: ready, {engine_threads()} threads, queues {', '.join(names)}")
        self.stdout.flush()  # whoever waits for it may read a file
        with contextlib.suppress(StopRequested):  # told to stop between two workers
            _work(names, burst)
            while not (burst or stopping.is_set()):
                logger.warning("the worker lost its queue; going on as soon as Redis answers")
                while not (stopping.wait(LOST_SECONDS) or is_up(settings.REDIS_URL)):
                    pass
                _work(names, burst)
        gc.freeze()  # the interpreter's last collections would walk through all that was compiled: most of a second


def _work(names: list[str], burst: bool) -> None:
    """Serve the queues until told to stop, or until Redis is lost."""
    connection: Redis = django_rq.get_connection(names[0])
    connection.set_retry(Retry(NoBackoff(), 0))  # who waits in a retry hears no signal
    try:
        worker = Worker(
            [django_rq.get_queue(name, connection=connection) for name in names],
            connection=connection,
            serializer=JSONSerializer,
            log_job_description=False,
        )
        with _Timer(worker):
            worker.work(burst=burst, logging_level=None)
    except RedisError as error:
        logger.warning("Redis was lost", extra={"reason": str(error)})


class _Timer:
    """A thread that shows the worker alive, also during long jobs, and looks for work that nobody does.

    Once a day it clears away what has expired.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timer", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *args: object) -> None:
        self._done.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        cleared = -DAY_SECONDS
        while not self._done.wait(TICK_SECONDS):
            try:
                close_old_connections()
                self._worker.show_alive()
                if count := computations_reap():
                    logger.info("took up what nobody worked on", extra={"computations": count})
                if (now := time.monotonic()) - cleared >= DAY_SECONDS:
                    tokens_forget_expired()
                    files_forget()
                    cleared = now
            except Exception:
                logger.warning("the worker's housekeeping failed; trying again", exc_info=True)
            finally:
                connection.close()
