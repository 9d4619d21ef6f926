"""The model document `aifutures.model/1` (MODEL.md 8): types, validation with named paths, canonical hash."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .checks import MIDPOINT_MARGIN, cross_check
from .faults import Fault, ModelError, duplicates, faults_of

__all__ = [
    "MAX_BYTES",
    "MIDPOINT_MARGIN",
    "SCHEMA",
    "Assignment",
    "CausalModel",
    "CausalSettings",
    "ClusterSpec",
    "Code",
    "DType",
    "EvidenceFilter",
    "EvidenceItem",
    "EvidenceSettings",
    "Fault",
    "HypothesisSpec",
    "InfluenceSpec",
    "Line",
    "ModelDocument",
    "ModelError",
    "MonteCarloSettings",
    "Outcome",
    "Probability",
    "QualityScores",
    "RunSettings",
    "Sampler",
    "Settings",
    "Text",
    "Unit",
    "Year",
    "faults_of",
    "input_hash",
    "parse_model",
    "scenario_codes",
    "with_run",
]

SCHEMA = "aifutures.model/1"
MAX_BYTES = 2_000_000

Outcome = Literal["A", "B"]
CausalModel = Literal["dependency_network", "bayesian_network", "log_linear", "independent"]
Sampler = Literal["sobol", "pseudo"]
DType = Literal["float32", "float64"]

Code = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,15}$")]
_NO_NUL = r"^[^\x00]*$"
"""Databases refuse U+0000."""
Text = Annotated[str, Field(max_length=2000, pattern=_NO_NUL)]
Line = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text that terminals and headings show: without control characters."""
Unit = Annotated[float, Field(ge=0, le=1)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Year = Annotated[int, Field(ge=1900, le=2200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class HypothesisSpec(_Part):
    """A binary question about the future.

    `prior_probability` is P(outcome A) before any evidence, `initial_probability` the state of affairs in the base
    year, `midpoint_year` +- `midpoint_sd` the year of fastest change and `speed` its steepness per year.
    `posterior_probability`, where it is given, stands in the place of what prior and evidence say together; their
    uncertainty stays. A document without it does not have the key.
    """

    code: Code
    label: Line = ""
    outcome_a: Line = ""
    outcome_b: Line = ""
    prior_probability: Probability
    initial_probability: Probability
    midpoint_year: float
    midpoint_sd: Annotated[float, Field(ge=0, le=20)]
    speed: Annotated[float, Field(gt=0, le=5)]
    posterior_probability: Probability | None = Field(default=None, exclude_if=lambda given: given is None)


class QualityScores(_Part):
    """Curators' scores in [0, 1]; `recency` is null when it follows from the publication date."""

    authority: Unit
    methodology: Unit
    recency: Unit | None
    replication: Unit


class EvidenceItem(_Part):
    """One finding of one source, speaking for one outcome of one hypothesis with a strength in [0, 1]."""

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=_NO_NUL)]
    hypothesis: Code
    direction: Outcome
    strength: Unit
    quality_scores: QualityScores
    publication_date: date
    dependency_group: Annotated[str, Field(max_length=200, pattern=_NO_NUL)]
    source: Text | None = None
    source_type: Text | None = None
    title: Text | None = None


class InfluenceSpec(_Part):
    """When `source` has `source_outcome`, the odds of `target_outcome` of `target` rise by exp(strength)."""

    source: Code
    source_outcome: Outcome
    target: Code
    target_outcome: Outcome
    strength: Unit
    description: Text = ""

    @property
    def key(self) -> str:
        """The influence in one word, `H2A>H4B`."""
        return f"{self.source}{self.source_outcome}>{self.target}{self.target_outcome}"


class ClusterSpec(_Part):
    """A named family of scenarios: those that fit `pattern` (A, B or * per hypothesis) and no earlier cluster's."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    pattern: Annotated[str, Field(pattern=r"^[AB*]+$")]


class EvidenceSettings(_Part):
    """How evidence becomes log-odds (MODEL.md 1)."""

    quality_threshold: Unit
    max_age_years: Annotated[float, Field(gt=0, le=200)]
    replication_bonus: Annotated[float, Field(ge=0, le=10)]
    authority_weight: Unit
    methodology_weight: Unit
    recency_weight: Unit
    replication_weight: Unit
    log_bayes_factor_scale: Annotated[float, Field(gt=0, le=20)]
    within_group_correlation: Annotated[float, Field(ge=0, lt=1)]
    between_group_correlation: Annotated[float, Field(ge=0, lt=1)]
    model_discrepancy_sd: Annotated[float, Field(ge=0, le=10)]

    @property
    def weights_sum(self) -> float:
        """Sum of the four quality weights; 1 in a valid document."""
        return self.authority_weight + self.methodology_weight + self.recency_weight + self.replication_weight


class MonteCarloSettings(_Part):
    """Bounds of a run and the half-width below which it counts as converged (MODEL.md 4)."""

    max_iterations: Annotated[int, Field(ge=1, le=10**10)]
    convergence_threshold: Annotated[float, Field(gt=0, lt=1)]


class CausalSettings(_Part):
    """How hypotheses depend on each other (MODEL.md 3)."""

    model: CausalModel
    max_iterations: Annotated[int, Field(ge=1, le=1000)]
    convergence_epsilon: Annotated[float, Field(gt=0, le=0.1)]
    strength_multiplier: Annotated[float, Field(ge=0, le=10)]
    enable_feedback_loops: bool
    center_influences: bool
    strength_cv: Annotated[float, Field(ge=0, le=1)]


class Settings(_Part):
    """What the curators decided for every run of the model."""

    evidence: EvidenceSettings
    monte_carlo: MonteCarloSettings
    causal_network: CausalSettings


class Assignment(_Part):
    """A hypothesis set to (intervention) or seen in (observation) an outcome, from a year on."""

    hypothesis: Code
    outcome: Outcome
    from_year: Year


class EvidenceFilter(_Part):
    """Which evidence one run uses; null and empty mean all."""

    quality_min: Unit | None
    sources: tuple[Text, ...]
    hypothesis: Code | None


class RunSettings(_Part):
    """What one run chooses (MODEL.md 3, 4). `target_year` null means the end year, `hypotheses` null all of them."""

    iterations: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0, lt=2**53)]
    sampler: Sampler
    dtype: DType
    target_year: Year | None
    stop_when_converged: bool
    hypotheses: Annotated[tuple[Code, ...], Field(min_length=1)] | None
    interventions: tuple[Assignment, ...]
    observations: tuple[Assignment, ...]
    evidence_filter: EvidenceFilter


class ModelDocument(_Part):
    """All that a run needs. Make it with `parse_model`, which also checks what fields mean to each other."""

    schema_name: Annotated[Literal["aifutures.model/1"], Field(alias="schema")]
    name: Line = ""
    as_of: date
    base_year: Year
    end_year: Year
    hypotheses: Annotated[tuple[HypothesisSpec, ...], Field(min_length=2, max_length=8)]
    evidence: Annotated[tuple[EvidenceItem, ...], Field(max_length=10_000)]
    influences: Annotated[tuple[InfluenceSpec, ...], Field(max_length=128)]
    clusters: Annotated[tuple[ClusterSpec, ...], Field(min_length=1, max_length=32)]
    settings: Settings
    run: RunSettings

    @property
    def codes(self) -> tuple[str, ...]:
        """Hypothesis codes in order."""
        return tuple(hypothesis.code for hypothesis in self.hypotheses)

    @property
    def years(self) -> range:
        """Every calendar year from the base year to the end year."""
        return range(self.base_year, self.end_year + 1)

    @property
    def target_year(self) -> int:
        """The year that headline probabilities are for."""
        return self.end_year if self.run.target_year is None else self.run.target_year

    @property
    def reported(self) -> tuple[str, ...]:
        """Codes of the hypotheses that the run reports, in order."""
        chosen = self.run.hypotheses
        return tuple(code for code in self.codes if chosen is None or code in chosen)

    def to_json(self) -> dict[str, Any]:
        """The document as plain JSON values, keys as written in files."""
        return self.model_dump(mode="json", by_alias=True)


def scenario_codes(hypotheses: int) -> list[str]:
    """All 2^n scenario codes, first hypothesis slowest: AAAAAA, AAAAAB, ..., BBBBBB."""
    return ["".join(letters) for letters in itertools.product("AB", repeat=hypotheses)]


def parse_model(source: bytes | str | Mapping[str, Any]) -> ModelDocument:
    """Read and check a model document (MODEL.md 8).

    Files come as bytes or text of at most 2 MB, what the program itself made as a mapping. Raises ModelError naming the
    path of every unknown or missing key, number out of range or not finite, duplicate, self-influence, unknown
    reference or inconsistent setting.
    """
    if isinstance(source, bytes | str) and len(source) > MAX_BYTES:
        raise ModelError([Fault("", f"the document is larger than {MAX_BYTES:,} bytes")])
    try:
        raw = source if isinstance(source, bytes | str) else json.dumps(source)
        document = ModelDocument.model_validate_json(raw)
    except ValidationError as error:
        raise ModelError(list(faults_of(error))) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError([Fault("", f"no JSON document: {error}")]) from None
    faults = [*_repeated_keys(raw), *cross_check(document)]
    if faults:
        raise ModelError(faults)
    return document


def with_run(document: ModelDocument, **choices: Any) -> ModelDocument:
    """The same model with other run settings, checked anew. Raises ModelError."""
    data = document.to_json()
    return parse_model({**data, "run": {**data["run"], **choices}})


def _repeated_keys(raw: bytes | str) -> list[Fault]:
    """Keys that an object of the JSON text has twice: which value was meant, nobody can say."""
    faults: list[Fault] = []

    def check(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs]
        faults.extend(Fault(keys[index], "the same key twice in one object") for index in duplicates(keys))

    json.loads(raw, object_pairs_hook=check)
    return faults


_WITHOUT_NUMBERS: Any = {
    "name": True,
    "hypotheses": {"__all__": {"label", "outcome_a", "outcome_b"}},
    "evidence": {"__all__": {"title", "source_type"}},
    "influences": {"__all__": {"description"}},
}


def input_hash(document: ModelDocument) -> str:
    """SHA-256 (hex) of the RFC 8785 canonical JSON of all that bears on the numbers (MODEL.md 5)."""
    data = document.model_dump(mode="json", by_alias=True, exclude=_WITHOUT_NUMBERS)
    data["run"]["target_year"] = document.target_year
    data["run"]["hypotheses"] = list(document.reported)
    return hashlib.sha256(rfc8785.dumps(data)).hexdigest()
