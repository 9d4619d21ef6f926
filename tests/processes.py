"""Programs of the project as other processes see them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from aifutures_site.environment import FILE_KEYS, PROJECT, Service
from aifutures_site.processes import spawn, stop

_CONFIGURED = {*(field.upper() for field in Service.model_fields), *FILE_KEYS}


START_SECONDS = 600
"""A slow, busy machine that has to compile the kernels first takes minutes until an installation is up."""


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """An environment with nothing configured but the data folder, Numba's shared cache and what is given."""
    plain = {name: value for name, value in os.environ.items() if name not in _CONFIGURED}
    numba = os.environ.get("NUMBA_CACHE_DIR", str(PROJECT / "var" / "numba"))
    return {**plain, "DATA_DIR": str(data_dir), "NUMBA_CACHE_DIR": numba, "PYTHONPATH": str(PROJECT), **more}


def manage(*arguments: str, env: Mapping[str, str], timeout: float = START_SECONDS) -> subprocess.CompletedProcess[str]:
    """Run a command of manage.py to its end."""
    command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout, check=False)


def installed(folder: Path) -> Path:
    """The folder, with the database of an installation that has all migrations and the evidence, and no run.

    It is made once for all tests of a session, which only copy it.
    """
    first = Path(os.environ["DATA_DIR"]).parent / "an installation"
    first.mkdir(exist_ok=True)
    with (first / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (first / "complete").exists():
            for command in (["migrate", "-v0"], ["load_evidence"]):
                made = manage(*command, env=environment(first))
                assert made.returncode == 0, made.stderr
            (first / "complete").touch()
    shutil.copy(first / "db.sqlite3", folder)
    return folder


@contextlib.contextmanager
def running(*command: str, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours for as long as the block lasts; all it says is in `log`."""
    with log.open("wb") as out:
        process = spawn(command, env=dict(env), stdout=out, stderr=out)
    try:
        yield process
    finally:
        stop(process, 120)


def wait_until(done: Callable[[], object], seconds: float = 120, what: str = "") -> None:
    """Return once `done()` is true; fail after some seconds."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or done}"
        time.sleep(0.02)


def wait_for_start(process: subprocess.Popen[bytes], log: Path, is_up: Callable[[], object]) -> None:
    """Return once a process of ours is up; fail with what it has said where it ended instead."""
    wait_until(lambda: is_up() or process.poll() is not None, START_SECONDS, "the start of a process")
    assert process.poll() is None, log.read_text(errors="replace")


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def children_of(pid: int) -> dict[int, str]:
    """The processes started by `pid`, with their command lines."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it is gone by now
            found[int(child)] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
    return found


def kill(pid: int) -> None:
    """SIGKILL to one process."""
    os.kill(pid, signal.SIGKILL)
