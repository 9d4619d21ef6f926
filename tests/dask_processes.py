"""A Dask cluster of real processes on this machine."""

from __future__ import annotations

import re
import sys

from tests.processes import environment, running, wait_until

QUIET = ("--no-dashboard",)


class DaskProcesses:
    """A scheduler and its workers, as an operator starts them."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.stack = stack
        self.env = environment(folder)
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", *QUIET)
        self.address = self._said("scheduler", r"Scheduler at:\s+(tcp://\S+)")
        self.workers = []

    def add_worker(self):
        name = f"worker {len(self.workers)}"
        options = ("--no-nanny", "--nthreads", "1", "--name", name, "--local-directory", str(self.folder), *QUIET)
        self.workers.append(self._start("worker", self.address, *options, name=name))
        self._said(name, r"Registered to:\s+(\S+)")

    def _start(self, program, *arguments, name=None):
        command = (sys.executable, "-m", f"distributed.cli.dask_{program}", *arguments)
        return self.stack.enter_context(running(*command, env=self.env, log=self.folder / (name or program)))

    def _said(self, name, pattern):
        log = self.folder / name
        wait_until(lambda: re.search(pattern, log.read_text()), what=f"{name}: {pattern}")
        return re.search(pattern, log.read_text())[1]
