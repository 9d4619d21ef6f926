"""What a study is asked: method, output, parameters, ranges, groups and sizes, checked against the model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..faults import Fault, ModelError, faults_of
from ..posterior import posteriors
from ..spec import ModelDocument, input_hash
from .outputs import Output, parse_output
from .parameters import DRAWN, Parameter, all_parameters, matching, with_range
from .sobol import sobol_rows

Method = Literal["sobol", "morris", "local", "value_of_information"]
SAMPLES: Mapping[str, int] = {"sobol": 1024, "value_of_information": 1024, "morris": 64}
"""Base points of a Sobol' design, or trajectories of Morris', unless told otherwise."""
MAX_CELLS = 64_000_000
"""Evaluations times parameters that a study may hold in memory: half a gigabyte."""

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class RangedParameter(_Part):
    """A parameter, uniform from `low` to `high` in its own unit (see `parameters`)."""

    name: Name
    low: float
    high: float


class StudyRequest(_Part):
    """What a sensitivity study is to do; make it with `parse_request`.

    `parameters` are names, patterns such as `influence:*>H6*`, or names with a range; null means all that a run draws
    and, but for the value of information, the strength multiplier.
    Those that `groups` names are varied together. `samples` must be a power of two for Sobol' designs.
    """

    method: Method
    output: Name | None = None
    parameters: Annotated[tuple[Name | RangedParameter, ...], Field(min_length=1, max_length=500)] | None = None
    groups: Annotated[dict[Name, tuple[Name, ...]], Field(max_length=100)] = {}
    samples: Annotated[int, Field(ge=2, le=65_536)] | None = None
    second_order: bool = True
    levels: Annotated[int, Field(ge=2, le=64)] = 4
    resamples: Annotated[int, Field(ge=2, le=10_000)] = 100
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42


@dataclass(frozen=True)
class Design:
    """A request with its names resolved: what is varied, and in which group each parameter moves."""

    output: Output
    parameters: tuple[Parameter, ...]
    group: tuple[int, ...]
    factors: tuple[str, ...]
    samples: int


def parse_request(document: ModelDocument, request: Mapping[str, Any]) -> StudyRequest:
    """Check a request against the model. Raises ModelError naming what is wrong: an unknown parameter or output, ..."""
    try:
        parsed = StudyRequest.model_validate_json(json.dumps(request))
    except ValidationError as error:
        raise ModelError(list(faults_of(error))) from None
    except (TypeError, ValueError) as error:
        raise ModelError([Fault("", f"no JSON: {error}")]) from None
    design_of(document, parsed)
    return parsed


def study_hash(document: ModelDocument, request: StudyRequest) -> str:
    """SHA-256 (hex) of all that bears on the study's numbers: the model's input hash and the request."""
    asked = request.model_dump(mode="json") | {"model": input_hash(document)}
    return hashlib.sha256(rfc8785.dumps(asked)).hexdigest()


def design_of(document: ModelDocument, request: StudyRequest) -> Design:
    """Resolve the request's names. Raises ModelError."""
    output = parse_output(document, request.output)
    chosen = _chosen(document, request)
    factors, group = _grouped(request, chosen)
    samples = _samples(request, len(chosen), len(factors))
    return Design(output, tuple(chosen.values()), group, factors, samples)


def _chosen(document: ModelDocument, request: StudyRequest) -> dict[str, Parameter]:
    """The parameters that are varied, by name; a range counts wherever its parameter is also named without one."""
    known = all_parameters(document, posteriors(document))
    if request.parameters is None:
        drawn = [name for name, parameter in known.items() if parameter.kind in DRAWN]
        names = drawn if request.method == "value_of_information" else [*drawn, "strength_multiplier"]
        return {name: known[name] for name in names}
    chosen: dict[str, Parameter] = {}
    for index, entry in enumerate(request.parameters):
        path = f"parameters[{index}]"
        if isinstance(entry, str):
            chosen = {parameter.name: parameter for parameter in matching(known, entry, path)} | chosen
        else:
            ranged = [with_range(document, p, entry.low, entry.high, path) for p in matching(known, entry.name, path)]
            chosen |= {parameter.name: parameter for parameter in ranged}
    return {name: chosen[name] for name in known if name in chosen}


def _grouped(request: StudyRequest, chosen: Mapping[str, Parameter]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names of the factors, and every parameter's factor."""
    if request.groups and request.method not in {"sobol", "morris"}:
        raise ModelError([Fault("groups", f"{request.method} takes no groups; sobol and morris do")])
    member: dict[str, str] = {}
    for name, patterns in request.groups.items():
        for index, pattern in enumerate(patterns):
            path = f"groups.{name}[{index}]"
            for parameter in matching(dict(chosen), pattern, path):
                if member.setdefault(parameter.name, name) != name:
                    raise ModelError([Fault(path, f"{parameter.name} is in the group {member[parameter.name]!r} too")])
    named = [member.get(name, name) for name in chosen]
    factors = tuple(dict.fromkeys(named))
    if len(factors) < 2 and request.method != "local":
        raise ModelError([Fault("parameters", f"{request.method} compares parameters: it needs two at least")])
    return factors, tuple(factors.index(name) for name in named)


def _samples(request: StudyRequest, parameters: int, factors: int) -> int:
    samples = request.samples
    if request.method == "local":
        if samples is not None:
            raise ModelError([Fault("samples", "local needs no sample: it moves one parameter at a time")])
        return 1
    if samples is None:
        samples = SAMPLES[request.method]
    if request.method == "morris":
        if request.levels % 2:
            raise ModelError([Fault("levels", f"must be even, not {request.levels}")])
        rows = samples * (factors + 1)
    else:
        if samples & (samples - 1):
            below = 1 << (samples.bit_length() - 1)
            raise ModelError(
                [Fault("samples", f"must be a power of two for Sobol' points, such as {below} or {2 * below}")]
            )
        rows = sobol_rows(samples, factors, request.method == "sobol" and request.second_order)
    if rows * parameters > MAX_CELLS:
        most = MAX_CELLS * samples // (rows * parameters)
        raise ModelError([Fault("samples", f"{samples:,} are too many for {parameters} parameters; take {most:,}")])
    return samples
