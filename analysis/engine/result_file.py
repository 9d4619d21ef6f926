"""A result that stands for itself: with the model document that it was computed from (MODEL.md 5)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from .result import SCHEMA
from .spec import ModelDocument, ModelError, parse_model

MAX_BYTES = 32 * 2**20
LONGEST = 20
"""Characters of a number that a refusal shows."""
MODEL_KEY = "model_document"
"""Where a result that stands for itself keeps its model document."""


class ResultError(ValueError):
    """No result document, or one that cannot be used for what is asked."""


class Computed(NamedTuple):
    """A model and what was computed from it: `result` is an `aifutures.result/1` as plain JSON, without the model."""

    document: ModelDocument
    result: Mapping[str, Any]


def self_contained(document: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """The result with its model document, both as plain JSON: what a file of a result holds."""
    return {**result, MODEL_KEY: dict(document)}


def parse_result(source: bytes | str) -> Computed:
    """Read a file that `self_contained` made; its model is checked, its numbers are not.

    Raises ResultError for what is no such file, naming the path of what is wrong with its model.
    """
    if len(source) > MAX_BYTES:
        raise ResultError(f"the result is larger than {MAX_BYTES:,} bytes")
    try:
        data = json.loads(source, parse_constant=_refuse, parse_float=_number, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"no JSON document: {error}") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ResultError(f"no result document ({SCHEMA})")
    model = data.pop(MODEL_KEY, None)
    if not isinstance(model, dict):
        raise ResultError(f"{MODEL_KEY}: missing; results that carry their own model are written by --output")
    try:
        return Computed(parse_model(model), data)
    except ModelError as error:
        raise ResultError(f"{MODEL_KEY}.{error}" if error.faults[0].path else f"{MODEL_KEY}: {error}") from None


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:LONGEST]}{'...' * (len(text) > LONGEST)} is too large a number")
    return value


def _whole(text: str) -> int:
    _number(text)  # what reads a result counts on every number being one in double precision, too
    return int(text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
