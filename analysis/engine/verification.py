"""Reproduction: a result is computed again from its own model document and compared, number by number (MODEL.md 4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from . import ENGINE_VERSION
from .faults import written
from .result_file import Computed
from .simulate import CHUNK, REFERENCE, Progress, simulate
from .spec import input_hash

NOT_COMPARED = frozenset({"computation_time", "metadata.threads", "metadata.backend", "metadata.engine_version"})
"""How and by what a result was computed. All else must be there, nothing besides, and every number equal."""
_MISSING = object()


class Difference(NamedTuple):
    """A place where the two results differ, and what stands there as JSON text, or `missing`."""

    path: str
    stored: str
    computed: str


class Verification(NamedTuple):
    """What came of computing a result again: every difference, in the document's order, and what may explain them.

    `largest` is the greatest absolute difference of two numbers, `notes` are sentences about versions and precision.
    """

    differences: tuple[Difference, ...]
    largest: float
    notes: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether all that is compared is equal bit for bit."""
        return not self.differences


def verify(
    stored: Computed,
    *,
    threads: int | None = None,
    chunk: int = CHUNK,
    on_progress: Callable[[Progress], None] | None = None,
) -> Verification:
    """Compute the result anew from its model document, by the same backend, and compare (MODEL.md 4: the same bits).

    Everything is compared but NOT_COMPARED. Raises ImpossibleObservation or ModelError where the model cannot be run.
    """
    metadata = stored.result.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    again = simulate(
        stored.document,
        jit=metadata.get("backend") != REFERENCE,
        threads=threads,
        chunk=chunk,
        slice_seconds=0.25,
        on_progress=on_progress,
    )
    computed = json.loads(json.dumps(again))
    found = [each for each in _differences("", stored.result, computed) if each[0] not in NOT_COMPARED]
    return Verification(
        tuple(Difference(path, _text(a), _text(b)) for path, a, b in found),
        max((abs(a - b) for _, a, b in found if _is_number(a) and _is_number(b)), default=0.0),
        tuple(_notes(stored, metadata, computed["metadata"])),
    )


def _differences(path: str, stored: Any, computed: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(stored, dict) and isinstance(computed, dict):
        for key in computed | stored:
            yield from _differences(
                f"{path}.{written(key)}".lstrip("."), stored.get(key, _MISSING), computed.get(key, _MISSING)
            )
    elif isinstance(stored, list) and isinstance(computed, list):
        for index in range(max(len(stored), len(computed))):
            pair = (each[index] if index < len(each) else _MISSING for each in (stored, computed))
            yield from _differences(f"{path}[{index}]", *pair)
    elif _is_number(stored) != _is_number(computed) or stored != computed:
        yield path, stored, computed


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    """A value in one short line; a part that only one result has in one word."""
    if value is _MISSING:
        return "missing"
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _notes(stored: Computed, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    if before.get("input_hash") != input_hash(stored.document):
        yield "the model document is not the one that the result says it was computed from (metadata.input_hash)"
    if (version := before.get("engine_version")) != ENGINE_VERSION:
        yield f"engine {_text(version)} computed the result, this is engine {_text(ENGINE_VERSION)}"
    if (dtype := before.get("dtype")) != after["dtype"]:
        yield f"the result was computed in {_text(dtype)}, now in {_text(after['dtype'])}"
    if (backend := before.get("backend")) != after["backend"]:
        yield f"backend {_text(backend)} computed the result, now backend {_text(after['backend'])}"
