"""The one typed configuration: defaults <- file named by AIFUTURES_CONFIG <- environment <- NAME_FILE.

`get_config()` gives it, frozen. Whatever is wrong ends in one line that names the key or variable and where it was
read: `ConfigError` for callers, exit status 2 for programs (`or_exit`).
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from aifutures_site.environment import FILE_KEYS, ConfigError, Service, read_environment
from analysis.engine.spec import (
    CausalSettings,
    DType,
    EvidenceSettings,
    Fault,
    MonteCarloSettings,
    Sampler,
    faults_of,
)

__all__ = ["Config", "ConfigError", "get_config", "load_config", "or_exit"]

DEFAULTS = Path(__file__).with_name("config.yaml")

T = TypeVar("T")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class EvidenceConfig(EvidenceSettings):
    """How evidence becomes log-odds, and the day from which its age is counted."""

    as_of: date

    @model_validator(mode="after")
    def _weights(self) -> EvidenceConfig:
        if abs(self.weights_sum - 1) > 1e-9:
            raise ValueError(f"the four quality weights must sum to 1, not {self.weights_sum:.12g}")
        return self


class MonteCarloConfig(MonteCarloSettings):
    """What a run takes when it does not say otherwise, and the most it may ask for."""

    default_iterations: Annotated[int, Field(ge=1)]
    random_seed: Annotated[int, Field(ge=0, lt=2**53)]
    sampler: Sampler
    dtype: DType

    @field_validator("default_iterations")
    @classmethod
    def _default_allowed(cls, value: int, info: ValidationInfo) -> int:
        limit = info.data.get("max_iterations", value)
        if value > limit:
            raise ValueError(f"should be at most max_iterations, {limit}")
        return value


class AnalysisConfig(_Part):
    """Settings of the mathematics."""

    evidence: EvidenceConfig
    monte_carlo: MonteCarloConfig
    causal_network: CausalSettings


class ParallelConfig(_Part):
    """Worker processes and the grain of their work. `max_workers` null: as the machine allows."""

    enable: bool
    max_workers: Annotated[int, Field(ge=1, le=1024)] | None
    chunk_size: Annotated[int, Field(ge=1, le=10**7)]


class OptimizationConfig(_Part):
    """Compiled kernels or the plain reference; a limit on the memory of each worker process, or null."""

    enable_jit: bool
    memory_limit_gb: Annotated[float, Field(ge=1)] | None


class ComputationConfig(_Part):
    """How the work is done; never what it gives."""

    parallel_processing: ParallelConfig
    optimization: OptimizationConfig


class OutputConfig(_Part):
    """Form of CSV files, pages and figures."""

    precision: Annotated[int, Field(ge=0, le=17)]
    scientific_notation: bool
    export_formats: Annotated[tuple[Literal["json", "csv", "parquet"], ...], Field(min_length=1)]
    visualization_dpi: Annotated[int, Field(ge=50, le=1200)]


def _rate(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,5}/(second|minute|hour|day)", value):
        raise ValueError("should be a rate such as 50/hour (or per second, minute, day), or null for no limit")
    return value


_Rate = Annotated[str, AfterValidator(_rate)] | None


class UserLimits(_Part):
    """How often a user of one role may ask, by class of cost; null: as often as they like."""

    scenario_queries: _Rate
    evidence_queries: _Rate
    analysis_runs: _Rate
    what_if: _Rate


class AddressLimits(_Part):
    """How often one network address may try to sign in, or renew its tokens."""

    sign_in: _Rate
    token_refresh: _Rate


class LimitsConfig(_Part):
    """Rate limits of each role, and of strangers; what else one user may have at a time.

    `sockets_per_user` are WebSockets open with one server process; `running_per_user` are runs that workers compute,
    and studies and reports likewise.
    """

    viewer: UserLimits
    analyst: UserLimits
    curator: UserLimits
    admin: UserLimits
    address: AddressLimits
    sockets_per_user: Annotated[int, Field(ge=1, le=10**6)]
    running_per_user: Annotated[int, Field(ge=1, le=10**6)]


class FileConfig(_Part):
    """What a configuration file may say."""

    analysis: AnalysisConfig
    computation: ComputationConfig
    output: OutputConfig
    limits: LimitsConfig


class Config(FileConfig):
    """The whole configuration; `service` comes from the environment alone."""

    service: Service


@functools.cache
def get_config() -> Config:
    """The configuration of this process. Raises ConfigError."""
    return load_config(os.environ)


def or_exit(read: Callable[[], T]) -> T:
    """What `read` gives; for programs, a ConfigError becomes one line on standard error and exit status 2."""
    try:
        return read()
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is configured from what could not be read
        raise SystemExit(2) from None


def load_config(environ: Mapping[str, str]) -> Config:
    """Build the configuration from the given environment. Raises ConfigError."""
    service, overrides = read_environment(environ)
    values = _read_file(DEFAULTS)
    origins: dict[str, str] = {}
    if named := environ.get("AIFUTURES_CONFIG"):
        _merge(values, _read_file(Path(named).expanduser()), (), named, origins)
    for variable, value in overrides.items():
        path = FILE_KEYS[variable]
        _set(values, path, value)
        origins[path] = variable
    try:
        parts = FileConfig.model_validate_json(json.dumps(values, default=_plain))
    except ValidationError as error:
        raise ConfigError(_describe(list(faults_of(error)), origins)) from None
    return Config(service=service, **{name: getattr(parts, name) for name in FileConfig.model_fields})


class _Loader(yaml.SafeLoader):
    """YAML as people write it: 1e-6 is a number (PyYAML's YAML 1.1 wants 1.0e-6)."""


_NUMBER = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))


def _read_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigError(f"AIFUTURES_CONFIG: cannot read {path}: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:
        where = getattr(error, "problem_mark", None)
        line = getattr(error, "lineno", where.line + 1 if where else None)
        raise ConfigError(f"{path}{f', line {line}' if line else ''}: not valid YAML or JSON") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must be a mapping with the keys analysis, computation, output, limits")
    return values


def _merge(
    into: dict[str, Any], new: Mapping[str, Any], path: tuple[str, ...], source: str, origins: dict[str, str]
) -> None:
    """Lay `new` over `into`, noting for every value which file it came from."""
    for key, value in new.items():
        here = (*path, str(key))
        old = into.get(str(key))
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(old, value, here, source, origins)
        else:
            into[str(key)] = value
        origins[".".join(here)] = source


def _set(values: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for key in parents:
        inner = values.get(key)
        if not isinstance(inner, dict):
            return  # the file has put something else here, which validation names
        values = inner
    values[last] = value


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _describe(faults: list[Fault], origins: Mapping[str, str]) -> str:
    fault = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    source = next((origins[path] for path in _upwards(fault.path) if path in origins), str(DEFAULTS))
    if source in FILE_KEYS:
        return f"{source} in the environment: {fault.message}{more}"
    return f"{fault.path} in {source}: {fault.message}{more}"


def _upwards(path: str) -> Iterator[str]:
    """The path itself, then what contains it: `a.b[1]`, `a.b`, `a`."""
    path = path.partition("[")[0]
    while path:
        yield path
        path = path.rpartition(".")[0]
