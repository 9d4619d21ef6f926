"""What is wrong with a document: where, and in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import ValidationError


class Fault(NamedTuple):
    """One thing wrong with a document: where (`hypotheses[2].speed`) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass
class ModelError(ValueError):
    """A model document that cannot be used. `faults` names every key that is wrong."""

    faults: list[Fault]

    def __str__(self) -> str:
        more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
        return f"{self.faults[0]}{more}"


_PLAIN = re.compile(r"[\w>]{1,60}")
_WORDS = {"extra_forbidden": "unknown key", "missing": "missing key", "finite_number": "must be a finite number"}


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """Pydantic's findings with paths as in `hypotheses[2].speed` and plain words."""
    for item in error.errors(include_url=False):
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{written(part)}" for part in item["loc"]).lstrip(
            "."
        )
        message = _WORDS.get(item["type"], item["msg"].removeprefix("Input ").removeprefix("Value error, "))
        shown = "" if item["type"] in {"missing", "extra_forbidden", "json_invalid"} else _shown(item.get("input"))
        yield Fault(path, f"{message}{shown}")


def written(name: str) -> str:
    """A key in a path as it is, or quoted and cut where it is none that a document could have."""
    return name if _PLAIN.fullmatch(name) else repr(name[:60])


def _shown(value: object) -> str:
    return f", not {value!r}" if isinstance(value, str | int | float | None) and len(repr(value)) < 60 else ""


def duplicates(values: Iterable[object]) -> Iterator[int]:
    """Indices of the values that were there before."""
    seen: set[object] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield index
        seen.add(value)
