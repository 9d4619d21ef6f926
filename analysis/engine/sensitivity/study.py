"""Sensitivity studies of the model (MODEL.md 7): from a request to the document `aifutures.sensitivity/1`."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import ENGINE_VERSION
from ..result import QUANTILES, SHORT
from ..spec import ModelDocument, input_hash
from ..stopping import Stopped
from .evaluate import Evaluator
from .local import local_effects, local_values
from .morris import morris_effects, morris_sample
from .parameters import HIGH, LOW, Parameter, ParameterSpace, hypothesis_of
from .request import Design, StudyRequest, design_of, study_hash
from .sobol import SobolIndices, saltelli, sobol_indices, sobol_points

Floats = NDArray[np.float64]

SCHEMA = "aifutures.sensitivity/1"
PART = 4096
"""Evaluations that a thread does at a time."""


def sensitivity_study(
    document: ModelDocument,
    request: StudyRequest,
    *,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """Carry out a study and return its document: plain JSON values.

    `on_progress` gets the evaluations done and their number. The numbers depend on the model and the request alone.
    Raises ImpossibleObservation if what the run observes cannot happen, Stopped when `should_stop` says so.
    """
    started = time.perf_counter()
    study = _Study(document, request, threads, on_progress, should_stop)
    found = {
        "sobol": study.sobol,
        "morris": study.morris,
        "local": study.local,
        "value_of_information": study.value_of_information,
    }[request.method]()
    return {
        "schema": SCHEMA,
        "method": request.method,
        "output": study.design.output.name,
        "parameters": [_described(parameter) for parameter in study.design.parameters],
        "groups": {name: list(study.members(name)) for name in request.groups},
        **found,
        "computation_time": time.perf_counter() - started,
        "metadata": {
            "study_hash": study_hash(document, request),
            "input_hash": input_hash(document),
            "engine_version": ENGINE_VERSION,
            "request": request.model_dump(mode="json"),
            "samples": study.design.samples,
            "evaluations": study.done,
        },
    }


class _Study:
    """A study in progress: the model as a function, the design, and how far it is."""

    def __init__(
        self,
        document: ModelDocument,
        request: StudyRequest,
        threads: int | None,
        on_progress: Callable[[int, int], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        self.request = request
        self.design: Design = design_of(document, request)
        self.evaluator = Evaluator(document)
        self.threads = threads or os.cpu_count() or 1
        self.space = ParameterSpace(self.evaluator, self.design.parameters)
        self.on_progress, self.should_stop = on_progress, should_stop
        self.done, self.total = 0, 0

    def members(self, factor: str) -> list[str]:
        """The parameters of a group."""
        index = self.design.factors.index(factor)
        pairs = zip(self.design.parameters, self.design.group, strict=True)
        return [parameter.name for parameter, group in pairs if group == index]

    def evaluate(self, values: Floats) -> Floats:
        """The output [rows] under values [rows, P], on plain threads that each take a part."""
        self.total = max(self.total, self.done + len(values))
        starts = range(0, len(values), PART)

        def work(start: int) -> Floats:
            return self.evaluator.output(self.space.inputs(values[start : start + PART]), self.design.output)

        outputs = []
        with ThreadPoolExecutor(self.threads) as pool:
            try:
                for found in pool.map(work, starts):
                    outputs.append(found)
                    self._step(found.size)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return np.concatenate(outputs)

    def _step(self, evaluations: int) -> None:
        self.done += evaluations
        if self.on_progress is not None:
            self.on_progress(self.done, self.total)
        if self.should_stop is not None and self.should_stop():
            raise Stopped("the study was stopped")

    def sobol(self) -> dict[str, Any]:
        """First-order, total-order and, where asked for, second-order indices of every factor."""
        names = self.design.factors
        indices, outputs = self._indices(self.design.group, self.request.second_order)
        first = _estimates(names, indices.first, indices.first_conf)
        total = _estimates(names, indices.total, indices.total_conf)
        return {
            "distribution": _distribution(outputs),
            "constant": indices.constant,
            "first_order": first,
            "total_order": total,
            "interactions": _interactions(names, indices),
            "ranking": _ranking({name: entry["value"] for name, entry in total.items()}),
        }

    def morris(self) -> dict[str, Any]:
        """Mean, mean absolute value and spread of the elementary effects of every factor."""
        request, group = self.request, self.design.group
        sample = morris_sample(group, self.design.samples, request.seed, request.levels)
        outputs = self.evaluate(self.space.levels(sample))
        effects = morris_effects(
            sample,
            outputs,
            group,
            seed=request.seed,
            levels=request.levels,
            resamples=request.resamples,
            confidence=request.confidence,
        )
        names = self.design.factors
        mu_star = _estimates(names, effects.mu_star, effects.mu_star_conf)
        return {
            "distribution": _distribution(outputs),
            "mu": _named(names, effects.mu),
            "mu_star": mu_star,
            "sigma": _named(names, effects.sigma),
            "ranking": _ranking({name: entry["value"] for name, entry in mu_star.items()}),
        }

    def local(self) -> dict[str, Any]:
        """Derivative, elasticity and tornado swing of every parameter around the nominal values.

        Swings go from the 5 % to the 95 % point, or to the nominal value where that lies beyond.
        """
        nominal = self.space.nominal
        ends = self.space.values(np.repeat([[LOW], [HIGH]], nominal.size, axis=1))
        low, high = np.minimum(ends[0], nominal), np.maximum(ends[1], nominal)
        outputs = self.evaluate(local_values(nominal, low, high))
        effects = local_effects(outputs, nominal, low, high)
        dated = [parameter.kind == "midpoint" for parameter in self.design.parameters]  # a year has no zero
        names = self.design.factors
        return {
            "nominal": effects.output,
            "derivative": _named(names, effects.derivative),
            "elasticity": _named(names, np.where(dated, np.nan, effects.elasticity)),
            "swings": {
                name: {
                    "low": float(low[i]),
                    "high": float(high[i]),
                    "output_at_low": float(effects.swing_low[i]),
                    "output_at_high": float(effects.swing_high[i]),
                    "swing": float(effects.swing[i]),
                    "fixed": bool(effects.fixed[i]),
                }
                for i, name in enumerate(names)
            },
            "ranking": _ranking(dict(zip(names, np.abs(effects.swing).tolist(), strict=True))),
        }

    def value_of_information(self) -> dict[str, Any]:
        """The share of the output's variance that knowing a parameter, or all about a hypothesis, would remove.

        That is the first-order index (Saltelli et al. 2008, 1.2.9 "factor prioritisation"): the expected reduction of
        the variance. A hypothesis stands for its posterior, prior and timing and the influences into it, together.
        """
        by_hypothesis, groups = self._hypothesis_groups()
        base, factors = self.design.samples, len(self.design.factors)
        self.total = base * (factors + 2) + (base * (len(groups) + 2) if len(groups) > 1 else 0)
        alone, outputs = self._indices(self.design.group, second_order=False)
        sd = float(outputs.std())
        found = {"parameters": _information(self.design.factors, alone, sd)}
        if len(groups) > 1:
            together, _ = self._indices(by_hypothesis, second_order=False)
            found["hypotheses"] = {
                name: entry for name, entry in _information(groups, together, sd).items() if name != _OTHERS
            }
        ranked = {kind: _ranking({n: e["share"] for n, e in entries.items()}) for kind, entries in found.items()}
        return {
            "distribution": _distribution(outputs),
            "constant": alone.constant,
            "value_of_information": found,
            "ranking": ranked["parameters"],
            "ranking_of_hypotheses": ranked.get("hypotheses", []),
        }

    def _hypothesis_groups(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Every parameter's group, the hypothesis that it tells about, and the groups' names."""
        named = [hypothesis_of(parameter) or _OTHERS for parameter in self.design.parameters]
        groups = tuple(dict.fromkeys(named))
        return tuple(groups.index(name) for name in named), groups

    def _indices(self, group: Sequence[int], second_order: bool) -> tuple[SobolIndices, Floats]:
        request, base = self.request, self.design.samples
        points = sobol_points(len(group), base, request.seed)
        a, b = (self.space.values(each) for each in points)  # before they are mixed: each number is read once
        outputs = self.evaluate(saltelli(a, b, group, second_order))
        indices = sobol_indices(
            outputs,
            len(set(group)),
            base,
            second_order,
            seed=request.seed,
            resamples=request.resamples,
            confidence=request.confidence,
        )
        return indices, outputs


_OTHERS = ""
"""The group of what tells about no hypothesis."""


def _described(parameter: Parameter) -> dict[str, Any]:
    ends = parameter.value(np.array([LOW, HIGH]))
    return {
        "name": parameter.name,
        "nominal": parameter.nominal,
        "distribution": parameter.distribution,
        "q05": float(ends[0]),
        "q95": float(ends[1]),
    }


def _named(names: Sequence[str], values: Floats) -> dict[str, float | None]:
    """By name; what has no value (an elasticity where the output is 0) is null."""
    return {name: None if math.isnan(x) else x for name, x in zip(names, values.tolist(), strict=True)}


def _estimates(names: Sequence[str], values: Floats, half_widths: Floats) -> dict[str, dict[str, float]]:
    """Estimates with their confidence intervals."""
    return {name: _estimate(x, w) for name, x, w in zip(names, values.tolist(), half_widths.tolist(), strict=True)}


def _estimate(value: float, half_width: float) -> dict[str, float]:
    return {"value": value, "half_width": half_width, "low": value - half_width, "high": value + half_width}


def _interactions(names: Sequence[str], indices: SobolIndices) -> list[dict[str, Any]]:
    """Every pair's interaction, the largest first; none if the design has no second order."""
    if indices.second is None or indices.second_conf is None:
        return []
    entries = [
        {"parameters": [one, other], **_estimate(float(indices.second[j, k]), float(indices.second_conf[j, k]))}
        for (j, one), (k, other) in combinations(enumerate(names), 2)
    ]
    return sorted(entries, key=lambda entry: -entry["value"])


def _information(names: Sequence[str], indices: SobolIndices, sd: float) -> dict[str, dict[str, float]]:
    """Shares, and the root of the variance that is to be expected once the parameter is known."""
    return {
        name: {
            "share": entry["value"],
            "half_width": entry["half_width"],
            "remaining_sd": sd * math.sqrt(1 - min(max(entry["value"], 0.0), 1.0)),
        }
        for name, entry in _estimates(names, indices.first, indices.first_conf).items()
    }


def _distribution(outputs: Floats) -> dict[str, float]:
    """How the output spreads over the design."""
    points = np.quantile(outputs, [QUANTILES[name] for name in SHORT]).tolist()
    return {"mean": float(outputs.mean()), "sd": float(outputs.std()), **dict(zip(SHORT, points, strict=True))}


def _ranking(sizes: dict[str, float]) -> list[str]:
    """The names, the largest first, ties in listed order."""
    return sorted(sizes, key=lambda name: -sizes[name])
