"""An installation to be loaded: `manage.py serve` on a data folder of its own, on this machine's loopback."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aifutures_site.environment import PROJECT
from aifutures_site.processes import spawn, stop

START_SECONDS = 240
PEOPLE = """
import json
from accounts.policies import Role
from accounts.services import user_create
from accounts.tokens import AccessToken
from secrets import token_urlsafe
names = [f"load-{{n}}" for n in range({viewers})]
users = [user_create(username="load-owner", role=Role.ADMIN, password=token_urlsafe())]
users += [user_create(username=name, role=Role.{role}, password=token_urlsafe()) for name in names]
print(json.dumps([str(AccessToken.for_user(user)) for user in users]))
"""


@dataclass(frozen=True)
class Installation:
    """Where it is, and who may come: an owner of runs, and viewers (or users of another role)."""

    folder: Path
    port: int
    owner: str
    viewers: list[str]
    daphne: int

    @property
    def memory(self) -> int:
        """Bytes of memory that the web server has for itself (anonymous pages)."""
        lines = Path(f"/proc/{self.daphne}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Anonymous:"))

    @property
    def cpu_seconds(self) -> float:
        """Processor time that the web server has used."""
        fields = Path(f"/proc/{self.daphne}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def installation(*, viewers: int, role: str = "VIEWER", **limits: object) -> Iterator[Installation]:
    """One that is ready, with other `limits` than usual; it and its data are gone after the block."""
    with tempfile.TemporaryDirectory(prefix="aifutures load ") as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps({"limits": limits, "analysis": {"monte_carlo": {"max_iterations": 2**31}}}))
        env = {"NUMBA_CACHE_DIR": str(PROJECT / "var" / "numba"), **os.environ}
        env |= {"DATA_DIR": folder, "AIFUTURES_CONFIG": str(config)}
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        log = Path(folder) / "log"
        manage = [sys.executable, str(PROJECT / "manage.py")]
        with log.open("wb") as out:
            served = spawn([*manage, "serve", "--port", str(port)], env=env, stdout=out, stderr=out)
        try:
            _wait(served, log)
            code = PEOPLE.format(viewers=viewers, role=role)
            made = subprocess.run(
                [*manage, "shell", "-v0", "-c", code], env=env, capture_output=True, text=True, check=True, timeout=120
            )
            owner, *others = json.loads(made.stdout)
            yield Installation(Path(folder), port, owner, others, _daphne_of(served.pid))
        finally:
            stop(served, 10)


def _wait(served: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while "open http" not in log.read_text(errors="replace"):
        if served.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the server did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)


def _daphne_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return next(
        int(each) for each in children if b"aifutures_site.daphne" in Path(f"/proc/{each}/cmdline").read_bytes()
    )
