"""The robustness report: every variant of a model is run, and its headlines are held against the base's."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import rfc8785

from .. import ENGINE_VERSION
from ..estimate import STUDENT_T, ImpossibleObservation, standard_error
from ..program import working_dtype
from ..quantities import Estimate, Quantities, estimate, quantities
from ..simulate import rounded_iterations
from ..spec import ModelDocument, input_hash, with_run
from ..stopping import Stopped
from .conclusions import conclusions, statements
from .history import MINIMUM_SHARE, MOVED, VERDICTS, compared
from .variants import DIMENSIONS, NO_EVIDENCE, Variant, variants

SCHEMA = "aifutures.robustness/1"
ITERATIONS = 65_536
ORDINARY = tuple(dimension for dimension in DIMENSIONS if dimension != "extreme")


def default_iterations(document: ModelDocument) -> int:
    """Iterations of every variant: 65,536, or as many as the model allows."""
    return min(ITERATIONS, document.settings.monte_carlo.max_iterations)


def report_hash(document: ModelDocument, request: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of all that a report depends on: numbers, and what no run's numbers depend on but a report shows.

    Those are the words of the outcomes, which conclusions print, and the types of sources, which are left out in turn.
    `request` is {iterations, published_priors} as plain JSON.
    """
    base = with_run(document, iterations=request["iterations"])
    return hashlib.sha256(
        rfc8785.dumps(
            {
                **request,
                "model": input_hash(base),
                "outcomes": [[each.outcome_a, each.outcome_b] for each in base.hypotheses],
                "source_types": [each.source_type for each in base.evidence],
            }
        )
    ).hexdigest()


def robustness_report(
    document: ModelDocument,
    *,
    published_priors: Mapping[str, float] | None = None,
    iterations: int | None = None,
    jit: bool = True,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """How far the headlines of a model move when one decision behind it is taken otherwise, as plain JSON values.

    Headlines are the base's five most likely scenarios, every cluster and every hypothesis (P(A)) at the target year.
    All runs have the model's own seed, so that the same points are compared: a change is more precise than its ends.

    `published_priors` P(A) by hypothesis code; without them that variant is left out. `iterations` of every run, by
    default `default_iterations`. `on_progress` gets the runs done and in all, `should_stop` is asked between runs.
    Gives:

    - `dimensions` {key: title}
    - `variants` [{key, dimension, title, change, status, reason, headlines [P], half_width, most_likely {scenario,
      cluster}}]: `status` is ran, same_as_base (the very same numbers) or not_run (with the `reason`; what follows is
      None); `half_width` (95 %) is that of the least certain change
    - `headlines` [{kind, name, base, half_width, moves}]: `moves` has `overall` (all but the extreme variants) and one
      entry per dimension, each {lowest, highest, largest_move (signed), variant (that makes it, or None)}
    - `conclusions` {variants, hold_in_all, hold_in_none, depend}, see `conclusions`
    - `historical` {moved, minimum_share, verdicts, cuts [{date, variant, hypotheses}]}, see `history`

    Raises Stopped; ModelError for a bad number; ImpossibleObservation if the base itself cannot be run. A variant
    under which the observations become impossible is reported as not run.
    """
    begun = time.perf_counter()
    iterations = default_iterations(document) if iterations is None else iterations
    base = with_run(document, iterations=iterations, stop_when_converged=False)
    wanted = quantities(base)
    tried = variants(base, published_priors)
    runs = _Runs(wanted, base, jit, threads)
    for done, variant in enumerate(tried, start=1):
        if on_progress is not None:
            on_progress(done, len(tried) + 1)
        if should_stop is not None and should_stop():
            raise Stopped("the robustness report was stopped")
        runs.add(variant)
    report = {
        "schema": SCHEMA,
        "dimensions": dict(DIMENSIONS),
        "headlines": [_headline(runs, at) for at in runs.headlines],
        "variants": [_variant(runs, variant) for variant in tried],
        "conclusions": _conclusions(base, runs),
        "historical": _historical(runs),
        "metadata": {
            "seed": base.run.seed,
            "sampler": base.run.sampler,
            "dtype": working_dtype(base) if jit else "float64",
            "iterations": rounded_iterations(iterations),
            "input_hash": input_hash(base),
            "engine_version": ENGINE_VERSION,
            "as_of": base.as_of.isoformat(),
            "target_year": base.target_year,
        },
        "computation_time": time.perf_counter() - begun,
    }
    if on_progress is not None:
        on_progress(len(tried) + 1, len(tried) + 1)
    return report


class _Runs:
    """What was computed: the base, each variant that could be run, and why others could not.

    A variant with the base's very numbers is not among them: it has nothing to say for or against a conclusion.
    """

    def __init__(self, wanted: Quantities, base: ModelDocument, jit: bool, threads: int | None) -> None:
        self.wanted = wanted
        self.document = base
        self.options: dict[str, Any] = {"jit": jit, "threads": threads}
        self.base = estimate(base, wanted, **self.options)
        self.headlines = wanted.headlines(self.base.mean)
        self.estimates: dict[str, Estimate] = {}
        self.reasons: dict[str, str] = {}
        self.dimension: dict[str, str] = {}

    def add(self, variant: Variant) -> None:
        if variant.document is None:
            self.reasons[variant.key] = variant.obstacle
        elif variant.document != self.document:
            try:
                found = estimate(variant.document, self.wanted, **self.options)
            except ImpossibleObservation as error:
                self.reasons[variant.key] = str(error)
                return
            if not np.array_equal(found.replicates, self.base.replicates):
                self.estimates[variant.key] = found
                self.dimension[variant.key] = variant.dimension

    def of(self, *dimensions: str) -> dict[str, np.ndarray]:
        """The means [quantities] of the variants of some dimensions, in order."""
        return {key: found.mean for key, found in self.estimates.items() if self.dimension[key] in dimensions}

    def hypotheses(self, found: Estimate) -> dict[str, float]:
        """P(A) of every hypothesis."""
        part = self.wanted.hypotheses
        return dict(zip(self.wanted.names[part], found.mean[part].tolist(), strict=True))


def _headline(runs: _Runs, at: int) -> dict[str, Any]:
    groups = {"overall": ORDINARY} | {dimension: (dimension,) for dimension in DIMENSIONS}
    return {
        "kind": runs.wanted.kind(at),
        "name": runs.wanted.names[at],
        "base": float(runs.base.mean[at]),
        "half_width": float(STUDENT_T * standard_error(runs.base.replicates[:, at])),
        "moves": {name: _moves(runs, at, dimensions) for name, dimensions in groups.items()},
    }


def _moves(runs: _Runs, at: int, dimensions: tuple[str, ...]) -> dict[str, Any]:
    base = float(runs.base.mean[at])
    values = {key: float(mean[at]) for key, mean in runs.of(*dimensions).items()}
    farthest = max(values, key=lambda key: abs(values[key] - base), default=None)
    moved = 0.0 if farthest is None else values[farthest] - base
    return {
        "lowest": min([base, *values.values()]),
        "highest": max([base, *values.values()]),
        "largest_move": moved,
        "variant": farthest if moved else None,
    }


def _variant(runs: _Runs, variant: Variant) -> dict[str, Any]:
    reason = runs.reasons.get(variant.key)
    found = None if reason else runs.estimates.get(variant.key, runs.base)
    return {
        "key": variant.key,
        "dimension": variant.dimension,
        "title": variant.title,
        "change": variant.change,
        "status": "not_run" if reason else "ran" if variant.key in runs.estimates else "same_as_base",
        "reason": reason,
        **({"headlines": None, "half_width": None, "most_likely": None} if found is None else _outcome(runs, found)),
    }


def _outcome(runs: _Runs, found: Estimate) -> dict[str, Any]:
    change = (found.replicates - runs.base.replicates)[:, runs.headlines]
    parts = {"scenario": runs.wanted.scenarios, "cluster": runs.wanted.clusters}
    return {
        "headlines": found.mean[runs.headlines].tolist(),
        "half_width": float(STUDENT_T * standard_error(change).max()),
        "most_likely": {
            kind: runs.wanted.names[part.start + int(np.argmax(found.mean[part]))] for kind, part in parts.items()
        },
    }


def _conclusions(base: ModelDocument, runs: _Runs) -> dict[str, Any]:
    ordinary, extreme = runs.of(*ORDINARY), runs.of("extreme")
    said = statements(base, runs.wanted, runs.base.mean, ordinary.values())
    return conclusions(said, runs.base.mean, ordinary, extreme)


def _historical(runs: _Runs) -> dict[str, Any]:
    """The cuts that differ from the base; without a run of no evidence there is nothing to start from."""
    prior = runs.estimates.get(NO_EVIDENCE)
    cuts = [] if prior is None else [_cut(runs, prior, key) for key in runs.of("historical")]
    return {"moved": MOVED, "minimum_share": MINIMUM_SHARE, "verdicts": dict(VERDICTS), "cuts": cuts}


def _cut(runs: _Runs, prior: Estimate, key: str) -> dict[str, Any]:
    early = runs.estimates[key]
    return {
        "date": key.partition(":")[2],
        "variant": key,
        "hypotheses": compared(runs.hypotheses(prior), runs.hypotheses(early), runs.hypotheses(runs.base)),
    }
