"""The files that commands read: regular ones of bounded size, refused in one line."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import CommandError

from analysis.engine.result_file import MAX_BYTES, Computed, ResultError, parse_result


def read_input(path: Path, limit: int) -> bytes:
    """The file's content; one byte more than `limit` where it is larger. Raises CommandError."""
    try:
        if path.exists() and not path.is_file():  # a pipe may never end, or never begin
            raise CommandError(f"{path}: not a regular file", returncode=2)
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", returncode=2) from None


def read_result(path: Path) -> Computed:
    """The result and its model in a file that `write_result` wrote. Raises CommandError."""
    try:
        return parse_result(read_input(path, MAX_BYTES))
    except ResultError as error:
        raise CommandError(f"{path}: {error}", returncode=2) from None
