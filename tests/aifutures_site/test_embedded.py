"""The embedded Redis: one server per data folder, ready, shared, and never left behind."""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from aifutures_site import embedded
from aifutures_site.embedded import EmbeddedRedis, NoRedis, embedded_redis, is_up, require_redis, url_of
from tests.processes import alive, children_of, environment, kill, running, wait_until

HOLD = """
import sys, time
from pathlib import Path
from aifutures_site.embedded import embedded_redis
with embedded_redis(Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def data(tmp_path):
    return tmp_path / "a folder with spaces"


def holder(data, tmp_path, name="holder"):
    return running(sys.executable, "-c", HOLD, str(data), env=environment(data), log=tmp_path / name)


def test_starts_fast_and_stops(data):
    before = time.monotonic()
    with embedded_redis(data) as url, redis.Redis.from_url(url) as client:
        assert time.monotonic() - before < 15
        assert url == url_of(data)
        assert len(url) < 100
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        client.set("kept", "yes")
    assert not is_up(url)
    with embedded_redis(data) as url, redis.Redis.from_url(url) as client:
        assert client.get("kept") == b"yes"


def test_socket_is_ours_alone(data):
    with embedded_redis(data):
        socket = embedded._socket(data)
        assert socket.stat().st_mode & 0o077 == 0
        assert socket.parent.stat().st_mode & 0o077 == 0


def test_refuses_a_socket_folder_of_others(data, monkeypatch, tmp_path):
    (tmp_path / "shared").mkdir(mode=0o777)
    (tmp_path / "shared").chmod(0o777)
    monkeypatch.setattr(embedded, "_socket", lambda _: tmp_path / "shared" / "x.sock")
    with pytest.raises(NoRedis, match="only you can enter"):
        EmbeddedRedis(data).ensure()


def test_a_running_server_is_shared(data, tmp_path):
    with holder(data, tmp_path) as owner:
        wait_until(lambda: is_up(url_of(data)))
        with embedded_redis(data) as url:
            assert is_up(url)
        assert is_up(url), "who borrowed it does not stop it"
        assert len(children_of(owner.pid)) == 1
    wait_until(lambda: not is_up(url))


def test_starts_at_the_same_moment_give_one_server(data):
    servers = [EmbeddedRedis(data) for _ in range(8)]
    try:
        with ThreadPoolExecutor(8) as threads:
            started = list(threads.map(EmbeddedRedis.ensure, servers))
            assert sum(started) == 1
            assert sum(server._process is not None for server in servers) == 1
            assert is_up(url_of(data))
    finally:
        for server in servers:
            server.stop()


def test_ends_with_a_killed_owner_and_is_taken_over(data, tmp_path):
    with holder(data, tmp_path) as owner:
        wait_until(lambda: is_up(url_of(data)))
        (server,) = children_of(owner.pid)
        with redis.Redis.from_url(url_of(data)) as client:
            client.set("kept", "yes")
        kill(owner.pid)
        mine = EmbeddedRedis(data)
        wait_until(mine.ensure)  # false for as long as the orphan still answers
        assert not alive(server)
        with redis.Redis.from_url(mine.url) as client:
            assert client.get("kept") == b"yes"
        mine.stop()


def test_survives_what_a_crash_leaves(data):
    server = EmbeddedRedis(data)
    assert server.ensure()
    os.kill(server._process.pid, signal.SIGKILL)
    server._process.wait()
    assert embedded._socket(data).exists()
    assert server.ensure(), "a new server on the same data"
    assert not server.ensure()
    server.stop()


def test_says_why_it_does_not_start(data):
    (data / "redis").mkdir(parents=True)
    (data / "redis" / "appendonly.aof").write_text("no such thing")
    with pytest.raises(NoRedis, match=r"no Redis: the embedded server ended: Bad file format"):
        EmbeddedRedis(data).ensure()


def test_data_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NoRedis, match=r"cannot use .*: Not a directory"):
        EmbeddedRedis(tmp_path / "file").ensure()


def test_require_redis_says_what_to_do(data):
    with pytest.raises(NoRedis, match=r"^no Redis: start `make serve` or set REDIS_URL$"):
        require_redis(url_of(data))
