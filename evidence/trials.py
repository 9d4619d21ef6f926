"""Trying out what is taken back, without keeping others from writing meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import DEFAULT_DB_ALIAS, connections


@contextmanager
def scratch_database() -> Iterator[None]:
    """For the block, give this thread a copy of an SQLite database, which is thrown away at its end.

    SQLite has one writer at a time, also where all that it writes is taken back; copying only reads, and in WAL mode
    readers hold up nobody. Nothing is copied of other databases, which hold single rows, nor within a transaction,
    which holds the database already.
    """
    stored = connections[DEFAULT_DB_ALIAS]
    if stored.vendor != "sqlite" or stored.in_atomic_block:
        yield
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "copy.sqlite3"
        stored.ensure_connection()
        with closing(sqlite3.connect(path)) as target:
            stored.connection.backup(target)
        copy = stored.copy()
        copy.settings_dict["NAME"] = path
        connections[DEFAULT_DB_ALIAS] = copy
        try:
            yield
        finally:
            connections[DEFAULT_DB_ALIAS] = stored
            copy.close()
