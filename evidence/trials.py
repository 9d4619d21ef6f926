"""Trying out what is taken back, without keeping others from writing meanwhile."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

_PREFIX = "copy-"
_ABANDONED_SECONDS = 86_400
"""A copy as old as this is one whose process was killed."""


@contextmanager
def scratch_database() -> Iterator[None]:
    """For the block, give this thread a copy of an SQLite database, which is thrown away at its end.

    SQLite has one writer at a time, also where all that it writes is taken back; copying only reads, and in WAL mode
    readers hold up nobody. Nothing is copied of other databases, which hold single rows, nor within a transaction,
    which holds the database already. Where there is no room for a copy, the block has the database itself.
    """
    stored = connections[DEFAULT_DB_ALIAS]
    with ExitStack() as at_end:
        if stored.vendor == "sqlite" and not stored.in_atomic_block:
            try:
                copy = at_end.enter_context(_copy(stored))
            except (OSError, sqlite3.Error) as error:
                logger.warning("The database cannot be copied (%s): nobody else writes during a check.", error)
            else:
                connections[DEFAULT_DB_ALIAS] = copy
                at_end.callback(connections.__setitem__, DEFAULT_DB_ALIAS, stored)
        yield


@contextmanager
def _copy(stored: BaseDatabaseWrapper) -> Iterator[BaseDatabaseWrapper]:
    """A copy beside the database: the system's temporary folder may be small, or in memory."""
    beside = Path(stored.settings_dict["NAME"]).parent
    for old in beside.glob(f"{_PREFIX}*"):
        if time.time() - old.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    with TemporaryDirectory(prefix=_PREFIX, dir=beside) as folder:
        path = Path(folder) / "copy.sqlite3"
        stored.ensure_connection()
        with closing(sqlite3.connect(path)) as target:
            stored.connection.backup(target)
        copy = stored.copy()
        copy.settings_dict["NAME"] = path
        with closing(copy):
            yield copy
