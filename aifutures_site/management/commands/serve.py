"""`manage.py serve`: the whole platform on one machine."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import resource
import signal
import socket
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from aifutures_site.config import get_config
from aifutures_site.embedded import EmbeddedRedis, NoRedis, require_redis
from aifutures_site.environment import PROJECT
from aifutures_site.supervisor import Part, Supervisor
from analysis.choices import WorkQueue
from analysis.models import AnalysisRun
from evidence.models import Evidence

BASELINE_ITERATIONS = 65_536
OPEN_FILES = 65_536
"""One for each WebSocket, and some more."""
_MANAGE = [sys.executable, str(PROJECT / "manage.py")]


class Command(BaseCommand):
    """Runs the web server, the workers and, unless REDIS_URL names one, the embedded Redis."""

    help = (
        "Run the web server, its workers and the embedded Redis on this machine until Ctrl-C. An empty database is "
        "filled first: migrations, the evidence and a published baseline run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
        parser.add_argument("--port", type=_port, default=8000, help="port to listen on (%(default)s)")
        parser.add_argument("--workers", type=_count, help="worker processes for runs and studies (MAX_WORKERS, or 1)")

    def handle(self, *args: Any, host: str, port: int, workers: int | None, **options: Any) -> None:
        _raise_open_files()
        with _listener(host, port) as listener, self._redis() as redis:
            supervisor = Supervisor(self._print, _environment())
            _stop_on_signals(supervisor)
            try:
                baseline_missing = _prepare_database()
                supervisor.add(Part("what-if", _worker(WorkQueue.INTERACTIVE)))
                for each in range(_worker_count(workers)):
                    command = _worker(WorkQueue.DEFAULT, WorkQueue.ANALYSIS)
                    supervisor.add(Part(f"worker {each + 1}", command, _threads(_worker_count(workers))))
                supervisor.add(Part("web", _daphne(listener), pass_fds=(listener.fileno(),)))
                if baseline_missing:
                    supervisor.add(Part("baseline", _baseline(), once=True))
                supervisor.run(_Watch(supervisor, redis, listener).look)
            finally:
                supervisor.say("serve", "stopping")
                supervisor.stop()

    def _print(self, line: str) -> None:
        self.stdout.write(line, ending="")
        self.stdout.flush()

    @contextlib.contextmanager
    def _redis(self) -> Iterator[EmbeddedRedis | None]:
        server = None if get_config().service.redis_url else EmbeddedRedis(settings.DATA_DIR)
        try:
            if server is None:
                require_redis(settings.REDIS_URL)
            else:
                server.ensure()
            yield server
        except NoRedis as error:
            raise CommandError(str(error)) from None
        finally:
            if server is not None:
                server.stop()


class _Watch:
    """What `serve` looks at beside its parts: that Redis is there, and when to say that all is ready."""

    def __init__(self, supervisor: Supervisor, redis: EmbeddedRedis | None, listener: socket.socket) -> None:
        self._supervisor = supervisor
        self._redis = redis
        self._listener = listener
        self._announced = False
        self._fault = ""

    def look(self) -> None:
        """Take Redis over if the one who ran it is gone; announce the address once."""
        try:
            if self._redis is not None and self._redis.ensure():
                self._supervisor.say("redis", "was gone; started again on the same data")
            self._fault = ""
        except NoRedis as error:
            if str(error) != self._fault:  # once, not at every look
                self._supervisor.say("redis", str(error))
            self._fault = str(error)
        if not self._announced and self._filled() and _answers(self._listener):
            self._announced = True
            if _is_open(self._listener) and not _names_hosts():
                self._supervisor.say("serve", "only this machine is answered: name the others' hosts in ALLOWED_HOSTS")
            self._supervisor.say("serve", f"open {_url(self._listener)} - Ctrl-C stops everything")

    def _filled(self) -> bool:
        return all(part.finished for part in self._supervisor.parts if part.once)


def _is_open(listener: socket.socket) -> bool:
    """Whether other machines can reach it."""
    host: str = listener.getsockname()[0]
    return not ip_address(host).is_loopback


def _names_hosts() -> bool:
    """Whether somebody said under which names we are reached."""
    return list(type(get_config().service).model_fields["allowed_hosts"].default) != settings.ALLOWED_HOSTS


def _stop_on_signals(supervisor: Supervisor) -> None:
    def stop(number: int, frame: object) -> None:
        supervisor.stopping = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _prepare_database() -> bool:
    """Bring the database up to date where it is ours or empty; True if no baseline is published yet."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        ours = not get_config().service.database_url or not executor.loader.applied_migrations
        if pending and not ours:
            raise CommandError(f"the database lacks {len(pending)} migrations: run `manage.py migrate` first")
        if pending:
            call_command("migrate", interactive=False, verbosity=0)
        if not Evidence.objects.exists():
            call_command("load_evidence")
        return not AnalysisRun.objects.filter(published_at__isnull=False).exists()
    except DatabaseError as error:
        raise CommandError(f"the database cannot be used: {str(error).splitlines()[0]}") from None
    finally:
        connections.close_all()


def _daphne(listener: socket.socket) -> list[str]:
    """The web server, on the socket that we hold: while it is restarted, callers wait instead of being refused."""
    fd = str(listener.fileno())
    return [sys.executable, "-m", "aifutures_site.daphne", "-v", "0", "--fd", fd, "aifutures_site.asgi:application"]


def _baseline() -> list[str]:
    return [*_MANAGE, "run_analysis", "--iterations", str(BASELINE_ITERATIONS), "--publish", "--wait"]


def _worker(*queues: WorkQueue) -> list[str]:
    """A worker of some queues, the most urgent first.

    What-if questions have a process of their own, which is at hand whatever is computed. It may take every core: it
    works for milliseconds, and the others step back for it. Studies of seconds go before runs of minutes.
    """
    return [*_MANAGE, "worker", *(part for queue in queues for part in ("--queue", queue.value))]


def _threads(workers: int) -> dict[str, str]:
    """The cores, divided among the workers that compute for long."""
    if workers == 1 or "ENGINE_THREADS" in os.environ:
        return {}
    return {"ENGINE_THREADS": str(max(1, len(os.sched_getaffinity(0)) // workers))}


def _environment() -> dict[str, str]:
    """What all parts are told: where the project is, and how to speak."""
    told = {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    if sys.stdout.isatty():
        told["LOG_FORMAT"] = "console"
    return {**told, **os.environ}


def _worker_count(asked: int | None) -> int:
    parallel = get_config().computation.parallel_processing
    return asked if asked is not None else (parallel.max_workers or 1) if parallel.enable else 1


def _listener(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        reason = "is in use; choose another with --port" if in_use else f"cannot be used: {error.strerror}"
        raise CommandError(f"port {port} on {host} {reason}") from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = "localhost" if ip_address(host).is_unspecified else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/"


def _answers(listener: socket.socket) -> bool:
    """Whether the web server speaks HTTP, whatever it says."""
    host, port = listener.getsockname()[:2]
    client = http.client.HTTPConnection("localhost" if ip_address(host).is_unspecified else host, port, timeout=0.5)
    try:
        client.request("GET", "/health")
        return client.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


def _raise_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _port(value: str) -> int:
    if not value.isdecimal() or not 0 <= int(value) <= 65_535:
        raise ArgumentTypeError(f"must be a whole number from 0 to 65535, not {value!r}")
    return int(value)


def _count(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 1024:
        raise ArgumentTypeError(f"must be a whole number from 1 to 1024, not {value!r}")
    return int(value)
