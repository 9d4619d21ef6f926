"""The result document `aifutures.result/1` (MODEL.md 5)."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import ENGINE_VERSION
from .clusters import cluster_report, membership_matrix
from .estimate import Reporting, conditional, letters, marginal, max_half_width, standard_error
from .kernel import Program
from .posterior import Posterior, posteriors
from .quantile import quantiles, sums_of_rows
from .spec import ModelDocument, input_hash
from .tally import Tally

Floats = NDArray[np.floating]

SCHEMA = "aifutures.result/1"
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
SHORT = ("q05", "q50", "q95")
"""Those that the yearly intervals keep."""
_POINTS = tuple(QUANTILES.values())
_KEPT = [list(QUANTILES).index(name) for name in SHORT]


def build_result(
    document: ModelDocument, *, program: Program, shown: Reporting, tally: Tally, sample: Floats, pool: Executor
) -> dict[str, Any]:
    """The result document from the sums and the exact subsample [T, S, draws]."""
    sums = tally.total()
    target = document.target_year - document.base_year
    full = conditional(sums.joint.sum(axis=0), shown, document.base_year)
    probabilities = marginal(full, shown)
    replicates = conditional(sums.joint, shown, document.base_year)[:, target]
    errors = standard_error(marginal(replicates, shown))
    spread = _quantiles(document, shown, sample, pool)
    evolution = _evolution(document, shown, full, probabilities, spread)
    weight = float((sums.joint[:, target] * shown.fits[target]).sum())
    distance = probabilities[target] - program.reference
    deviation = np.sqrt(np.maximum(sums.squares.sum(axis=0) / weight - distance**2, 0.0))
    scenario = {
        code: {"sd": float(deviation[s]), "mcse": float(errors[s])} | _points(spread["scenarios"][target, :, s])
        for s, code in enumerate(shown.codes)
    }
    hypothesis_errors = standard_error(marginal(replicates, shown) @ (1 - letters(len(shown.hypotheses))))
    hypothesis = {
        code: {"mean": evolution[target]["hypotheses"][code]["mean"], "mcse": float(hypothesis_errors[h])}
        | _points(spread["hypotheses"][target, :, h])
        for h, code in enumerate(shown.hypotheses)
    }
    return {
        "schema": SCHEMA,
        "scenario_probabilities": _named(shown.codes, probabilities[target]),
        "scenario_intervals": scenario,
        "hypothesis_intervals": hypothesis,
        "temporal_evolution": evolution,
        "clusters": cluster_report(document, full[target], standard_error(replicates @ membership_matrix(document))),
        "convergence": _convergence(document, shown, tally),
        "evidence_summary": {belief.code: _evidence(belief) for belief in posteriors(document)},
        "metadata": {
            "seed": document.run.seed,
            "sampler": document.run.sampler,
            "dtype": program.mu.dtype.name,
            "iterations": tally.iterations,
            "input_hash": input_hash(document),
            "engine_version": ENGINE_VERSION,
            "model": document.settings.causal_network.model,
            "sweeps": {"max": tally.sweeps, "converged": tally.unsettled == 0},
            "as_of": document.as_of.isoformat(),
            "target_year": document.target_year,
            "hypotheses": list(shown.hypotheses),
            "quantile_draws": sample.shape[-1],
        },
    }


def _named(names: list[str] | tuple[str, ...], values: Floats) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


def _points(found: Floats) -> dict[str, float]:
    return {name: float(value) for name, value in zip(QUANTILES, found, strict=True)}


def entropy_bits(probabilities: Floats) -> float:
    """Shannon entropy in bits of one distribution [S]."""
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log2(positive)).sum()) + 0.0


def _quantiles(document: ModelDocument, shown: Reporting, sample: Floats, pool: Executor) -> dict[str, Floats]:
    """Quantiles [T, points, ...] over the draws, each weighted by P(observed), of all that is reported."""
    a_states = 1 - letters(len(shown.hypotheses)).T
    clusters = membership_matrix(document).T
    reported = np.arange(len(shown.codes))[:, None] == shown.state

    def year(index: int) -> tuple[Floats, Floats, Floats]:
        drawn, weights = sample[index], None
        if not shown.fits[index].all():
            drawn = drawn * shown.fits[index][:, None].astype(sample.dtype)
            weights = drawn.sum(axis=0)
            # a draw under which the observation is impossible has no weight: its value is never looked at
            drawn /= np.maximum(weights, np.finfo(sample.dtype).tiny)
        states = drawn if len(reported) == len(drawn) else sums_of_rows(drawn, reported)
        return (
            quantiles(sums_of_rows(states, a_states), weights, _POINTS),
            quantiles(sums_of_rows(drawn, clusters), weights, _POINTS),
            quantiles(states, weights, _POINTS),
        )

    found = zip(*pool.map(year, range(len(sample))), strict=True)
    # sums of float32 probabilities may pass 1 in the last digit
    parts = (np.clip(np.array(part), 0.0, 1.0) for part in found)
    return dict(zip(("hypotheses", "clusters", "scenarios"), parts, strict=True))


def _evolution(
    document: ModelDocument, shown: Reporting, full: Floats, probabilities: Floats, spread: dict[str, Floats]
) -> list[dict[str, Any]]:
    a_states = 1 - letters(len(shown.hypotheses))
    clusters = [cluster.name for cluster in document.clusters]
    by_cluster = full @ membership_matrix(document)
    evolution = []
    for index, year in enumerate(document.years):
        p = probabilities[index]
        hypotheses = _intervals(shown.hypotheses, spread["hypotheses"][index])
        for code, mean in zip(shown.hypotheses, p @ a_states, strict=True):
            hypotheses[code] = {"mean": float(mean), **hypotheses[code]}
        evolution.append(
            {
                "year": year,
                "scenarios": _named(shown.codes, p),
                "intervals": _intervals(shown.codes, spread["scenarios"][index]),
                "hypotheses": hypotheses,
                "clusters": _named(clusters, by_cluster[index]),
                "cluster_intervals": _intervals(clusters, spread["clusters"][index]),
                "entropy_bits": entropy_bits(p),
                "most_likely": shown.codes[int(np.argmax(p))],
            }
        )
    return evolution


def _intervals(names: list[str] | tuple[str, ...], found: Floats) -> dict[str, dict[str, float]]:
    kept = found[_KEPT].T.tolist()
    return {name: dict(zip(SHORT, row, strict=True)) for name, row in zip(names, kept, strict=True)}


def _convergence(document: ModelDocument, shown: Reporting, tally: Tally) -> dict[str, Any]:
    threshold = document.settings.monte_carlo.convergence_threshold
    width = max_half_width(tally.total().joint, shown, document.base_year)
    return {
        "converged": width < threshold,
        "iterations": tally.iterations,
        "threshold": threshold,
        "max_half_width": width,
        "trace": [{"iterations": iterations, "max_half_width": found} for iterations, found in tally.trace],
    }


def _evidence(belief: Posterior) -> dict[str, Any]:
    return {
        "prior": belief.prior,
        "mu": belief.mu,
        "sd": belief.sd,
        "items_used": [
            {
                "id": entry.item.id,
                "direction": entry.item.direction,
                "quality": entry.quality,
                "weight": entry.weight,
                "shrink": entry.shrink,
            }
            for entry in belief.used
        ],
        "items_left_out": [{"id": item, "reason": reason} for item, reason in belief.excluded],
    }
