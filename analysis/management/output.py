"""The file that a command writes at its end: refused at once if it cannot be written, and never left half written."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from analysis.engine.result_file import self_contained


def check_output(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is computed for it. Raises CommandError."""
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
        if _is_replaced(path):
            part = _part(path)
            part.touch(exist_ok=False)
            part.unlink()
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}", returncode=2) from None


def write_output(path: Path, text: str) -> None:
    """Write the file in one step: beside its place first, then moved there. Raises CommandError."""
    try:
        _replace(path, text) if _is_replaced(path) else path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}") from None


def write_result(path: Path, document: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Write a result with its model document, so that `simulate --verify` can repeat it. Raises CommandError."""
    write_output(path, json.dumps(self_contained(document, result), indent=1) + "\n")


def _is_replaced(path: Path) -> bool:
    """Whether another file can take the path's place; a device such as /dev/stdout is written to instead."""
    return path.is_file() or not path.exists()


def _part(path: Path) -> Path:
    return path.resolve().with_name(f".{secrets.token_hex(8)}.part")


def _replace(path: Path, text: str) -> None:
    target, part = path.resolve(), _part(path)
    try:
        part.write_text(text, encoding="utf-8")
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
