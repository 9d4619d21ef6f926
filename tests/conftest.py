"""The tests' servers: a PostgreSQL for the session, a Redis for every test process, nothing of the installation's.

DATABASE_URL and REDIS_URL, where given, name the servers to use instead; `--sqlite` takes the embedded default.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from aifutures_site.embedded import embedded_redis
from aifutures_site.environment import FILE_KEYS, PROJECT, Service
from tests.servers import postgresql

_SERVERS = pytest.StashKey[contextlib.ExitStack]()
_TOGETHER = (
    "tests/aifutures_site/test_serve.py",
    "tests/analysis/api/test_live.py",
    "tests/analysis/sockets/",
    "tests/analysis/test_worker.py",
    "tests/client/",
)
"""Tests that share an installation, which takes a while to start: one process runs each group, the longest first."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--sqlite`: run on the embedded database."""
    parser.addoption("--sqlite", action="store_true", help="run on the embedded SQLite, not on PostgreSQL")


def pytest_configure(config: pytest.Config) -> None:
    """Start what is needed and name it in the environment, before the settings are read."""
    config.stash[_SERVERS] = servers = contextlib.ExitStack()
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # tidy up then, too
        _clean_environment()
        folder = Path(tempfile.mkdtemp(prefix="aifutures tests "))
        servers.callback(shutil.rmtree, folder, ignore_errors=True)
        os.environ["DATA_DIR"] = str(folder)
        if config.getoption("sqlite"):
            os.environ.pop("DATABASE_URL", None)
        elif not os.environ.get("DATABASE_URL"):
            os.environ["DATABASE_URL"] = servers.enter_context(postgresql())
    if worker is not None or not getattr(config.option, "numprocesses", None):
        _prepare_tests(servers, worker or "gw0")


def _prepare_tests(servers: contextlib.ExitStack, worker: str) -> None:
    """Give this process, which runs tests, its own data folder and Redis, and set Django up."""
    folder = Path(os.environ["DATA_DIR"]) / worker
    folder.mkdir()
    os.environ["DATA_DIR"] = str(folder)
    if url := os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"] = f"{url}{'&' if '?' in url else '?'}db={1 + int(worker[2:])}"
    else:
        servers.enter_context(embedded_redis(folder))
    os.environ["DJANGO_SETTINGS_MODULE"] = "aifutures_site.settings"
    import django
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
    django.setup()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started."""
    if servers := config.stash.get(_SERVERS, None):
        servers.close()


def _clean_environment() -> None:
    """Forget the configuration of the installation around us, but not the servers meant for the tests."""
    for name in (*(field.upper() for field in Service.model_fields), *FILE_KEYS, "AIFUTURES_CONFIG"):
        if name not in {"DATABASE_URL", "REDIS_URL"}:
            os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ["SECRET_KEY"] = "the tests' own key, of no value to anybody, long enough for its checks"
    os.environ["NUMBA_CACHE_DIR"] = str(PROJECT / "var" / "numba")


@pytest.fixture(autouse=True)
def _empty_redis(request: pytest.FixtureRequest) -> Iterator[None]:
    """No cached answer, counter or job of an earlier test is seen by one that uses the database."""
    if {"db", "transactional_db"} & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        from django.conf import settings

        with redis.Redis.from_url(settings.REDIS_URL) as client:
            client.flushdb()
    yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests whose flush would leave the next one without what migrations put into the database."""
    for item in items:
        mark = item.get_closest_marker("django_db")
        if mark and mark.kwargs.get("transaction") and not mark.kwargs.get("serialized_rollback"):
            raise pytest.UsageError(f"{item.nodeid}: a test with transaction=True needs serialized_rollback=True")


class _Scheduling(LoadScopeScheduling):
    """Test by test to whichever process is free, but groups as a whole."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for group in _TOGETHER if nodeid.startswith(group)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Who runs what, unless `--dist` says so (xdist's own groups are not heeded under this pytest)."""
    return _Scheduling(config, log) if config.getoption("dist") == "load" else None
