"""An installation to be hurt: PostgreSQL, Redis, daphne and two workers as real processes on temporary data.

Everything listens on the loopback or on unix sockets, and ends with this process. Django is set up on the same
database and the same Redis, so that a scenario asks for runs and reads them through the services of the project.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_urlsafe
from typing import TypeVar

import redis

from aifutures_site.embedded import EmbeddedRedis
from aifutures_site.environment import PROJECT
from aifutures_site.processes import spawn, stop
from tests.processes import START_SECONDS, environment, wait_until
from tests.servers import PostgreSQL

T = TypeVar("T")

PATIENCE_SECONDS = 30
WORKERS = ("worker 1", "worker 2")


class Installation:
    """Its processes, each of which can be ended and started again by name: daphne, worker 1, worker 2, ..."""

    def __init__(self, folder: Path, postgresql: PostgreSQL) -> None:
        self.folder = folder
        self.postgresql = postgresql
        self.redis = EmbeddedRedis(folder)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.env = environment(
            folder,
            DATABASE_URL=postgresql.url,
            SECRET_KEY=token_urlsafe(64),
            ENGINE_THREADS="1",
        )
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def mend(self) -> None:
        """Start what does not run."""
        if self.postgresql.process is None or self.postgresql.process.poll() is not None:
            self.postgresql.start()
        self.redis.ensure()
        for name in WORKERS:
            if not self._runs(name):
                self.start_worker(name)
        if not self._runs("daphne"):
            self.start_daphne()

    def start_daphne(self) -> None:
        """Return once it answers."""
        options = ("-v", "0", "-b", "127.0.0.1", "-p", str(self.port), "aifutures_site.asgi:application")
        self._start("daphne", self._answers, sys.executable, "-m", "aifutures_site.daphne", *options)

    def start_worker(self, name: str, **told: str) -> None:
        """Start a worker of studies and runs, with more variables in its environment; return once it is ready."""
        queues = ("--queue", "default", "--queue", "analysis")
        command = (sys.executable, str(PROJECT / "manage.py"), "worker", *queues)
        self._start(name, lambda: "ready" in self.said(name), *command, **told)

    def said(self, name: str) -> str:
        """All that the present process of this name has said."""
        return self._log(name).read_text(errors="replace")

    def kill(self, name: str) -> None:
        """SIGKILL to a process; return once it is gone."""
        self.processes[name].kill()
        self.processes[name].wait()

    def redis_kill(self) -> None:
        """SIGKILL to Redis."""
        with redis.Redis.from_url(self.redis.url) as client:
            os.kill(client.info("server")["process_id"], 9)
        wait_until(lambda: not self._redis_is_up(), 10, "the end of Redis")

    def redis_forget(self) -> None:
        """Remove what a killed Redis had written."""
        for file in self.redis.folder.glob("appendonly*"):
            file.unlink()

    def stop(self, name: str, seconds: float = 8) -> None:
        """End a process."""
        if process := self.processes.pop(name, None):
            stop(process, seconds)

    def stop_all(self) -> None:
        """End whatever runs."""
        for name in list(self.processes):
            self.stop(name)
        self.redis.stop()
        self.postgresql.stop()

    def _runs(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def _start(self, name: str, ready: Callable[[], bool], *command: str, **told: str) -> None:
        self.stop(name)
        with self._log(name).open("wb") as out:
            self.processes[name] = process = spawn(command, env=self.env | told, stdout=out, stderr=out)
        wait_until(lambda: ready() or process.poll() is not None, START_SECONDS, name)
        if process.poll() is not None:
            raise SystemExit(f"{name} did not start:\n{self.said(name)}")

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _redis_is_up(self) -> bool:
        with redis.Redis.from_url(self.redis.url, retry=None) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False


@contextlib.contextmanager
def installation() -> Iterator[Installation]:
    """One that is ready, with Django set up on it; it and its data are gone after the block."""
    with tempfile.TemporaryDirectory(prefix="aifutures chaos ") as folder:
        database = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        place = None
        try:
            place = Installation(Path(folder), PostgreSQL(database))
            place.postgresql.start()
            place.redis.ensure()
            _prepare(place)
            place.mend()
            yield place
        finally:
            if place is not None:
                place.stop_all()
            shutil.rmtree(database, ignore_errors=True)


def _prepare(place: Installation) -> None:
    for name in set(os.environ) - set(place.env):
        del os.environ[name]  # the configuration of another installation
    os.environ.update(place.env, DJANGO_SETTINGS_MODULE="aifutures_site.settings")
    import django  # noqa: PLC0415 - reads the environment
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("load_evidence", verbosity=0)


def patiently(ask: Callable[[], T]) -> T:
    """What the database answers, as soon as it is there."""
    from django.db import DatabaseError, InterfaceError, close_old_connections  # noqa: PLC0415 - needs its settings

    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        close_old_connections()
        try:
            return ask()
        except (DatabaseError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
