"""What can be varied, over what it varies, and how it enters the model (MODEL.md 7).

A parameter's value is in the unit that people think in: a posterior or prior as the probability of outcome A, a
midpoint as a year, an influence as its strength, the multiplier and the quality weights as themselves. Posteriors,
midpoints and influences vary as they do in a Monte Carlo run (MODEL.md 4), unless a range is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri
from scipy.special import logit as log_odds

from ..checks import midpoint_range
from ..faults import Fault, ModelError
from ..posterior import Posterior
from ..spec import ModelDocument
from ..timeline import logit
from .evaluate import Evaluator
from .quality import ASPECTS, WeighedEvidence

Floats = NDArray[np.float64]

LOW, HIGH = 0.05, 0.95
"""The points of a distribution between which tornado swings and Morris' levels lie."""
MULTIPLIER = (0.5, 1.5)
PRIOR = (0.05, 0.95)
QUALITY = (0.5, 1.5)
"""Default ranges of the parameters that a run does not draw; quality weights in shares of the nominal one."""
_TINY = 1e-15
"""So near may a probability come to 0 and 1: its log-odds are finite then."""


@dataclass(frozen=True)
class Parameter:
    """One uncertain number: its nominal value and how it spreads.

    `spread` is (mean, sd) of a normal, in log-odds for a posterior, or None for a uniform over `low` to `high`; normal
    values are cut at `low` and `high`.
    """

    name: str
    nominal: float
    low: float
    high: float
    spread: tuple[float, float] | None = None

    @property
    def kind(self) -> str:
        """posterior, midpoint, influence, strength_multiplier, prior or quality_weight."""
        return self.name.partition(":")[0]

    @property
    def subject(self) -> str:
        """The hypothesis, influence or aspect that it belongs to; empty for the multiplier."""
        return self.name.partition(":")[2]

    @property
    def distribution(self) -> str:
        """How it varies, in words."""
        if self.spread is None:
            return f"uniform from {self.low:.6g} to {self.high:.6g}"
        return f"normal, mean {self.spread[0]:.6g}, sd {self.spread[1]:.6g}" + (
            " (log-odds)" if self.kind == "posterior" else ""
        )

    def value(self, u: Floats) -> Floats:
        """The quantiles at u in [0, 1]; a normal's 0 and 1 are read as the nearest points that have a quantile."""
        if self.spread is None:
            return self.low + u * (self.high - self.low)
        drawn = self.spread[0] + self.spread[1] * ndtri(np.clip(u, _TINY, 1 - _TINY))
        return np.asarray(np.clip(expit(drawn) if self.kind == "posterior" else drawn, self.low, self.high))

    def level(self, u: Floats) -> Floats:
        """Quantiles for levels u in [0, 1]: from end to end of a range, from 5 % to 95 % of what has no ends."""
        return self.value(u if self.spread is None else LOW + u * (HIGH - LOW))


class ParameterSpace:
    """The parameters of a study, and the way from their values to the kernel's inputs."""

    def __init__(self, evaluator: Evaluator, parameters: Sequence[Parameter]) -> None:
        self.evaluator = evaluator
        self.document = evaluator.document
        self.parameters = tuple(parameters)
        self.column = {parameter.name: index for index, parameter in enumerate(self.parameters)}

    @cached_property
    def _evidence(self) -> WeighedEvidence:
        return WeighedEvidence(self.document)

    @property
    def nominal(self) -> Floats:
        """The nominal values [P]."""
        return np.array([parameter.nominal for parameter in self.parameters])

    def values(self, unit: Floats) -> Floats:
        """Values [rows, P] for points of the unit cube."""
        return np.stack([p.value(unit[:, i]) for i, p in enumerate(self.parameters)], axis=1)

    def levels(self, unit: Floats) -> Floats:
        """Values [rows, P] for levels in [0, 1], ends included."""
        return np.stack([p.level(unit[:, i]) for i, p in enumerate(self.parameters)], axis=1)

    def inputs(self, values: Floats) -> Floats:
        """The kernel's inputs [2 n + E, rows] under values [rows, P]; what is not varied stays nominal."""
        n = len(self.document.codes)
        inputs = np.repeat(self.evaluator.nominal[:, None], len(values), axis=1)
        inputs[:n] = self._theta(values)
        for index, code in enumerate(self.document.codes):
            if (midpoint := self._given(values, f"midpoint:{code}")) is not None:
                inputs[n + index] = midpoint - self.document.base_year
        multiplier = self._given(values, "strength_multiplier")
        causal = self.document.settings.causal_network
        scale = np.full(len(values), causal.strength_multiplier) if multiplier is None else multiplier
        for index, influence in enumerate(self.document.influences):
            strength = self._given(values, f"influence:{influence.key}")
            inputs[2 * n + index] = scale * (influence.strength if strength is None else strength)
        return inputs

    def _given(self, values: Floats, name: str) -> Floats | None:
        return values[:, self.column[name]] if name in self.column else None

    def _theta(self, values: Floats) -> Floats:
        """Log-odds [n, rows]: a posterior moves within its spread around what prior and evidence make of it."""
        weights = self._quality_weights(values)
        theta = np.empty((len(self.document.codes), len(values)))
        for index, belief in enumerate(self.evaluator.beliefs):
            mu, scale = np.full(len(values), belief.mu), np.ones(len(values))
            given = self.document.hypotheses[index].posterior_probability is not None
            if weights is not None:
                shift, variance = self._evidence.shift(belief.code, weights)
                mu = mu if given else logit(belief.prior) + shift
                scale = np.sqrt(variance) / belief.sd if belief.sd > 0 else scale
            if (prior := self._given(values, f"prior:{belief.code}")) is not None:
                mu = mu + log_odds(prior) - logit(belief.prior)
            posterior = self._given(values, f"posterior:{belief.code}")
            theta[index] = mu if posterior is None else mu + scale * (log_odds(posterior) - belief.mu)
        return theta

    def _quality_weights(self, values: Floats) -> Floats | None:
        """The four weights [rows, 4], brought back to the sum 1; None if none of them is varied."""
        drawn = [self._given(values, f"quality_weight:{aspect}") for aspect in ASPECTS]
        if all(column is None for column in drawn):
            return None
        settings = self.document.settings.evidence
        columns = [
            np.full(len(values), getattr(settings, f"{aspect}_weight")) if column is None else column
            for aspect, column in zip(ASPECTS, drawn, strict=True)
        ]
        weights = np.stack(columns, axis=1)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def all_parameters(document: ModelDocument, beliefs: Sequence[Posterior]) -> dict[str, Parameter]:
    """Everything that can be varied, by name, each over its default range."""
    causal, evidence = document.settings.causal_network, document.settings.evidence
    first, last = midpoint_range(document)
    found = [
        Parameter(f"posterior:{b.code}", float(np.clip(expit(b.mu), _TINY, 1 - _TINY)), _TINY, 1 - _TINY, (b.mu, b.sd))
        for b in beliefs
    ]
    found += [
        Parameter(f"midpoint:{h.code}", h.midpoint_year, first, last, (h.midpoint_year, h.midpoint_sd))
        for h in document.hypotheses
    ]
    found += [
        Parameter(f"influence:{e.key}", e.strength, 0.0, np.inf, (e.strength, causal.strength_cv * e.strength))
        for e in document.influences
    ]
    found.append(Parameter("strength_multiplier", causal.strength_multiplier, *MULTIPLIER))
    found += [
        Parameter(f"prior:{h.code}", h.prior_probability, *PRIOR)
        for h in document.hypotheses
        if h.posterior_probability is None
    ]
    weights = {aspect: getattr(evidence, f"{aspect}_weight") for aspect in ASPECTS}
    found += [
        Parameter(f"quality_weight:{aspect}", weight, QUALITY[0] * weight, QUALITY[1] * weight)
        for aspect, weight in weights.items()
    ]
    return {parameter.name: parameter for parameter in found}


DRAWN = ("posterior", "midpoint", "influence")
"""The kinds that a Monte Carlo run draws (MODEL.md 4)."""
_BOUNDS = {"posterior": (0.0, 1.0), "prior": (0.0, 1.0), "influence": (0.0, 1.0), "quality_weight": (0.0, 1.0)}
_OPEN = {"posterior", "prior"}
"""Probabilities whose log-odds are taken: 0 and 1 themselves are out."""
_ABOVE = _OPEN | {"quality_weight"}
"""What cannot be 0: a log-odds would be infinite, or no weight left to share out."""


def matching(known: dict[str, Parameter], pattern: str, path: str) -> list[Parameter]:
    """The parameters that a name, or a pattern such as `influence:*>H6*`, stands for. Raises ModelError."""
    found = [parameter for name, parameter in known.items() if name == pattern or fnmatchcase(name, pattern)]
    if not found:
        kinds = ", ".join(dict.fromkeys(parameter.name.partition(":")[0] for parameter in known.values()))
        raise ModelError([Fault(path, f"unknown parameter {pattern!r}; there are {kinds}, such as {_example(known)}")])
    return found


def _example(known: dict[str, Parameter]) -> str:
    return next(iter(known))


def with_range(document: ModelDocument, parameter: Parameter, low: float, high: float, path: str) -> Parameter:
    """The parameter, uniform over a range in its own unit. Raises ModelError for a range that it cannot have."""
    kind = parameter.kind
    if kind == "midpoint":
        lowest, highest = map(float, midpoint_range(document))
    else:
        lowest, highest = _BOUNDS.get(kind, (0.0, 10.0))
    at_an_end = (kind in _ABOVE and low == lowest) or (kind in _OPEN and high == highest)
    if at_an_end or not lowest <= low < high <= highest:
        left_out = "these excluded" if kind in _OPEN else f"{lowest:g} excluded"
        between = f"{lowest:g} to {highest:g}" + (f", {left_out}" if kind in _ABOVE else "")
        raise ModelError(
            [Fault(path, f"the range of {parameter.name} must rise and lie in {between}, not {low:g} to {high:g}")]
        )
    return Parameter(parameter.name, parameter.nominal, low, high)


_INFLUENCE = re.compile(r"(?P<source>.+)(?P<source_outcome>[AB])>(?P<target>.+)(?P<target_outcome>[AB])")


def hypothesis_of(parameter: Parameter) -> str | None:
    """The hypothesis that a parameter tells about: its own, or the target of an influence."""
    if parameter.kind == "influence":
        match = _INFLUENCE.fullmatch(parameter.subject)
        return match["target"] if match else None
    return parameter.subject if parameter.kind in {"posterior", "midpoint", "prior"} else None
