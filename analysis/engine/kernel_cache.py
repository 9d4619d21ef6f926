"""Where compiled kernels are kept: a folder of its own for every version of the compiled modules' source.

Numba notices a change of the file that a function stands in, not of the functions that it calls. Importing this module
before the first compiled function sees to it that no kernel of an older source is ever run.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numba

_HERE = Path(__file__).parent
COMPILED = ("elementary", "joint", "kernel", "network", "sampling", "timeline")
"""The modules with compiled functions, and those whose types and constants are compiled into them."""
ALONE = ("quantile",)
"""Modules with compiled functions that nothing outside them is compiled into: here Numba itself notices changes."""


def source_digest() -> str:
    """A short hash of the compiled modules' source."""
    digest = hashlib.sha256()
    for name in COMPILED:
        digest.update(name.encode() + (_HERE / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


numba.config.CACHE_DIR = str(Path(numba.config.CACHE_DIR or _HERE / "__pycache__") / source_digest())


def is_kept(function: str) -> bool:
    """Whether a kernel of that name was compiled before, so that it need not be now."""
    return next(Path(numba.config.CACHE_DIR).glob(f"**/*.{function}-*.nbc"), None) is not None


@contextlib.contextmanager
def one_at_a_time(kernels: str) -> Iterator[None]:
    """Let one process compile these kernels; the others wait here, and then read what it has kept."""
    folder = Path(numba.config.CACHE_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{kernels}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
