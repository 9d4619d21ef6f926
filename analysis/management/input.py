"""What commands read: regular files of bounded size, and stored runs; refused in one line."""

from __future__ import annotations

import errno
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from analysis.engine.result_file import MAX_BYTES, Computed, ResultError, parse_result
from analysis.engine.spec import parse_model
from analysis.selectors import run_by_id


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


def names_file(name: str) -> bool:
    """Whether something of that name is there, be it allowed to look at it or not; what can name no file does not."""
    try:
        Path(name).stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    return True


def read_computed(name: str) -> Computed:
    """The result of a file, or of a run that has one. Raises CommandError."""
    if names_file(name):
        return read_result(Path(name))
    try:
        run = run_by_id(name)
    except ValidationError as error:
        raise CommandError(f"{' '.join(error.messages)} Nor is there a file of that name.", returncode=2) from None
    if run.result_document is None:
        raise CommandError(f"run {run.short_id} has no result: it is {run.get_status_display().lower()}", returncode=2)
    return Computed(parse_model(run.model_document), run.result_document)
