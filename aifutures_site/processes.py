"""Child processes that never outlive us."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def spawn(
    command: Sequence[str], *, end_with: signal.Signals = signal.SIGTERM, **options: Any
) -> subprocess.Popen[bytes]:
    """Start a process that gets the signal `end_with` when its parent dies, even by SIGKILL.

    It has a process group of its own: Ctrl-C reaches us alone, and we say who stops when.
    Call it from a thread that lives as long as the child should: Linux counts the thread as the parent.
    """
    owner = os.getpid()

    def follow_parent() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, end_with)
            if os.getppid() != owner:  # it died before we asked to be told
                os._exit(1)

    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=follow_parent,  # noqa: PLW1509 - one system call, nothing that could wait for another thread
        **options,
    )


def stop(process: subprocess.Popen[bytes], seconds: float, *, by: signal.Signals = signal.SIGTERM) -> None:
    """Ask a child to end, wait, and end it if it does not."""
    if process.poll() is None:
        process.send_signal(by)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
