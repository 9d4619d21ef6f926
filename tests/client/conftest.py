"""A served installation of its own, as a stranger's program sees it."""

from __future__ import annotations

import json
import socket
import sys

import httpx
import pytest
from aifutures_client import Client

from aifutures_site.environment import PROJECT
from tests.processes import START_SECONDS, environment, installed, manage, running, wait_until

PASSWORD = "correct horse battery staple"
PEOPLE = {"ada": "analyst", "vera": "viewer", "carla": "curator", "carl": "curator"}
LIMITS = {"analyst": {"analysis_runs": None}, "viewer": {"scenario_queries": "2/second"}}
MAKE = f"""
from accounts.policies import Role
from accounts.services import user_create
for name, role in {PEOPLE}.items():
    user_create(username=name, role=Role(role), password={PASSWORD!r})
"""


@pytest.fixture(scope="package")
def url(tmp_path_factory):
    """Where it is: web server, worker, evidence, a published baseline, some people."""
    folder = installed(tmp_path_factory.mktemp("an installation"))
    config, log = folder / "config.json", folder / "log"
    config.write_text(json.dumps({"limits": LIMITS}))
    env = environment(folder, AIFUTURES_CONFIG=str(config), MAX_WORKERS="1")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, str(PROJECT / "manage.py"), "serve", "--port", str(port), "--workers", "1"]
    with running(*command, env=env, log=log) as process:

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(ready, START_SECONDS, "a server that is ready")
        made = manage("shell", "-v0", "-c", MAKE, env=env)
        assert made.returncode == 0, made.stderr
        address = f"http://127.0.0.1:{port}"
        with Client.sign_in(address, "carla", PASSWORD) as client:
            wait_until(lambda: client.runs(published="true"), START_SECONDS, "a baseline")
        yield address
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="package")
def sign_in(url):
    """A client for one of the people."""
    clients = []

    def signed_in(name: str, **options: object) -> Client:
        clients.append(Client.sign_in(url, name, PASSWORD, **options))
        return clients[-1]

    yield signed_in
    for client in clients:
        client.close()


@pytest.fixture(scope="package")
def ada(sign_in):
    """An analyst's client."""
    return sign_in("ada")
