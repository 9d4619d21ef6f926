"""A server process and a worker process on a database of their own, which the tests change as the site would."""

import json
import os
import socket
import sys
import time
from contextlib import closing, contextmanager
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from aifutures_site.environment import PROJECT
from tests.processes import START_SECONDS, environment, running, wait_for_start, wait_until

connect = partial(connect, open_timeout=60, ping_timeout=60, max_queue=None)
"""Patient with the server, and ready to hear whatever it says."""

LIMITS = {"limits": {"analyst": {"analysis_runs": "3/hour"}, "sockets_per_user": 3}}


@pytest.fixture(scope="package")
def database(django_db_blocker):
    """A database with the evidence, committed; this process works on it too."""
    name, usual = f"sockets_{uuid4().hex[:12]}", connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connection.close()
        _execute(f'CREATE DATABASE "{name}"')
        connection.settings_dict["NAME"] = name
        try:
            call_command("migrate", verbosity=0)
            call_command("load_evidence", verbosity=0)
            yield urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual
            _execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(statement):
    with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as server:
        server.autocommit = True
        server.cursor().execute(statement)


@pytest.fixture(scope="package")
def env(database, tmp_path_factory):
    """What the processes are told."""
    folder = tmp_path_factory.mktemp("sockets")
    limits = folder / "limits.json"
    limits.write_text(json.dumps(LIMITS))
    servers = {"DATABASE_URL": database, "REDIS_URL": settings.REDIS_URL, "SECRET_KEY": settings.SECRET_KEY}
    return environment(folder, AIFUTURES_CONFIG=str(limits), **servers)


@pytest.fixture(scope="package")
def server(env, tmp_path_factory):
    """daphne, as `serve` starts it: its address without the scheme."""
    log = tmp_path_factory.mktemp("logs") / "daphne"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = (
        sys.executable,
        "-m",
        "aifutures_site.daphne",
        "-v",
        "0",
        "-p",
        str(port),
        "aifutures_site.asgi:application",
    )
    with running(*command, env=env, log=log) as process:
        wait_for_start(process, log, lambda: _answers(port))
        yield f"127.0.0.1:{port}"
        assert process.poll() is None, log.read_text()
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="module")
def worker(env, tmp_path_factory):
    """A worker of runs, ready. It takes whatever waits: only where no test leaves something waiting."""
    log = tmp_path_factory.mktemp("logs") / "worker"
    command = (sys.executable, str(PROJECT / "manage.py"), "worker", "--queue", "analysis")
    with running(*command, env=env, log=log) as process:
        wait_for_start(process, log, lambda: "ready" in log.read_text())
        yield process


def _answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def hub_listens():
    """Return once the server hears what is said: its subscription holds."""
    from analysis.progress import CHANNEL

    with redis.Redis.from_url(settings.REDIS_URL) as queue:
        wait_until(lambda: queue.pubsub_numsub(CHANNEL)[0][1], what="the server listens")


def lose_subscription():
    """End the connection on which the server hears what is said, once it has one."""
    from analysis.sockets.hub import NAME

    hub_listens()
    with redis.Redis.from_url(settings.REDIS_URL) as queue:
        for each in queue.client_list(_type="pubsub"):
            if each["name"] == NAME:
                queue.client_kill_filter(_id=each["id"])


class Client:
    """A program at the other end of a socket."""

    def __init__(self, connection):
        self.connection = connection

    def say(self, action, **more):
        self.connection.send(json.dumps({"action": action, **more}))

    def hear(self, seconds=60.0):
        return json.loads(self.connection.recv(timeout=seconds))

    def ask(self, action, **more):
        self.say(action, **more)
        return self.hear()

    def follow(self, run_id, seconds=START_SECONDS):
        """Everything that is told about a run, to the last message."""
        deadline, heard = time.monotonic() + seconds, []
        while not heard or heard[-1]["type"] == "progress":
            message = self.hear(deadline - time.monotonic())
            assert message["run_id"] == str(run_id)
            heard.append(message)
        return heard

    def closed(self, seconds=60.0):
        """The code that the server closes with, whatever it says before."""
        deadline = time.monotonic() + seconds
        with pytest.raises(ConnectionClosed) as closing_:
            while True:
                self.hear(max(0.0, deadline - time.monotonic()))
        return closing_.value.rcvd.code


@pytest.fixture
def open_socket(server):
    """Open a socket; `cookie`, `origin` and other headers as given."""

    @contextmanager
    def open_(*subprotocols, **options):
        url = f"ws://{server}/ws/analysis/progress"
        with connect(url, subprotocols=list(subprotocols) or None, **options) as found:
            yield Client(found)

    return open_


@pytest.fixture
def signed_in(open_socket):
    """Open a socket as a user, by access token."""
    from accounts.tokens import AccessToken

    return lambda user: open_socket("bearer", str(AccessToken.for_user(user)))


@pytest.fixture
def listening(viewer, signed_in):
    """The server hears what is said already, for somebody else: nobody here loses a message or is doubted at first."""
    with signed_in(viewer) as other:
        assert other.ask("ping") == {"type": "pong"}
        hub_listens()
        yield


@pytest.fixture
def analyst(server):
    return _user("analyst")


@pytest.fixture
def viewer(server):
    return _user("viewer")


def _user(role):
    from tests.factories import UserFactory

    return UserFactory(username=f"{role}-{uuid4().hex[:8]}", role=role)
