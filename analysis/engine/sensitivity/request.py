"""What a study is asked: method, output, parameters, ranges, groups and sizes, checked against the model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

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
MAX_RESAMPLED = 16_000_000
"""Resamples times samples, of which the bootstrap holds a few arrays."""
OPTIONS: Mapping[str, frozenset[str]] = {
    "sobol": frozenset({"groups", "samples", "second_order", "resamples", "confidence", "seed"}),
    "morris": frozenset({"groups", "samples", "levels", "resamples", "confidence", "seed"}),
    "local": frozenset(),
    "value_of_information": frozenset({"samples", "resamples", "confidence", "seed"}),
}
"""What each method listens to, beside output and parameters."""

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class VariedParameter(_Part):
    """A parameter, or a pattern such as `influence:*>H6*`; uniform from `low` to `high` where these are given.

    A plain string is its name. A range is in the parameter's own unit (see `parameters`).
    """

    name: Name
    low: float | None = None
    high: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _both_ends(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("a range needs both low and high")
        return self


class StudyRequest(_Part):
    """What a sensitivity study is to do; make it with `parse_request`.

    `parameters` are names, patterns such as `influence:*>H6*`, or names with a range; null means all that a run draws
    and, but for the value of information, the strength multiplier.
    Those that `groups` names are varied together. `samples` must be a power of two for Sobol' designs.
    """

    method: Method
    output: Name | None = None
    parameters: Annotated[tuple[VariedParameter, ...], Field(min_length=1, max_length=500)] | None = None
    groups: Annotated[dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]], Field(max_length=100)] = {}
    samples: Annotated[int, Field(ge=2, le=65_536)] | None = None
    second_order: bool = True
    levels: Annotated[int, Field(ge=2, le=64)] = 4
    resamples: Annotated[int, Field(ge=2, le=10_000)] = 100
    confidence: Annotated[float, Field(gt=0, le=0.9999)] = 0.95
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
    _check_options(parsed)
    design_of(document, parsed)
    return parsed


def _check_options(request: StudyRequest) -> None:
    """Refuse what the method does not listen to, so that equal studies are asked for in equal words."""
    deaf = request.model_fields_set - {"method", "output", "parameters"} - OPTIONS[request.method]
    faults = [
        Fault(name, f"{request.method} takes none; {_listening(name)}")
        for name in sorted(deaf)
        if getattr(request, name) != StudyRequest.model_fields[name].default
    ]
    if faults:
        raise ModelError(faults)


def _listening(option: str) -> str:
    methods = [method for method, options in OPTIONS.items() if option in options]
    return f"{' and '.join(methods)} {'do' if len(methods) > 1 else 'does'}"


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
    ranged: set[str] = set()
    for index, entry in enumerate(request.parameters):
        path = f"parameters[{index}]"
        for parameter in matching(known, entry.name, path):
            if entry.low is None or entry.high is None:
                chosen.setdefault(parameter.name, parameter)
            elif parameter.name in ranged:
                raise ModelError([Fault(path, f"{parameter.name} has a range already")])
            else:
                chosen[parameter.name] = with_range(document, parameter, entry.low, entry.high, path)
                ranged.add(parameter.name)
    return {name: chosen[name] for name in known if name in chosen}


def _grouped(request: StudyRequest, chosen: Mapping[str, Parameter]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names of the factors, and every parameter's factor."""
    member: dict[str, str] = {}
    for name, patterns in request.groups.items():
        if name in chosen:
            raise ModelError([Fault(f"groups.{name}", "a group cannot have the name of a parameter")])
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
    most = MAX_CELLS * samples // (rows * parameters)
    if samples > most:
        most = most if request.method == "morris" else 1 << (most.bit_length() - 1)
        raise ModelError([Fault("samples", f"{samples:,} are too many for {parameters} parameters; take {most:,}")])
    if samples * request.resamples > MAX_RESAMPLED:
        most = MAX_RESAMPLED // samples
        raise ModelError(
            [Fault("resamples", f"{request.resamples:,} are too many for {samples:,} samples; take {most:,}")]
        )
    return samples
