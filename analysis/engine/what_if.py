"""What if the inputs were others: the whole answer at once, and what it changes (MODEL.md 3 and 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from .overrides import with_overrides
from .sampling import REPLICATES, ROUND
from .simulate import simulate
from .spec import ModelDocument, with_run

SCHEMA = "aifutures.what_if/1"
ITERATIONS = ROUND
_CHUNK = ROUND // REPLICATES
"""Small enough for all threads to have some of a single round."""
_BASES = 8
"""Base models whose answers are kept: those that people move the inputs of just now."""


def what_if(
    document: ModelDocument,
    *,
    overrides: Mapping[str, Any] | None = None,
    interventions: Sequence[Mapping[str, Any]] | None = None,
    observations: Sequence[Mapping[str, Any]] | None = None,
    iterations: int = ITERATIONS,
    jit: bool = True,
    threads: int | None = None,
) -> dict[str, Any]:
    """The document's answer under other inputs, as `aifutures.what_if/1`.

    `overrides` as in `with_overrides`; `interventions` and `observations` take the place of the document's own, as it
    writes them: {hypothesis, outcome, from_year}. The numbers are those of `simulate` in float64 with Sobol' points and
    the document's seed, so that what is changed is all that differs between the two answers. Gives

    temporal_evolution        for every year: `scenarios` and `clusters` {name: mean}, `hypotheses` {code: {mean, q05,
                              q50, q95}}, `cluster_intervals` {name: {q05, q50, q95}}, entropy_bits, most_likely
    scenario_probabilities, scenario_intervals, hypothesis_intervals, clusters
                              at the target year, as in a result document (MODEL.md 5), `clusters` the named ones
    base                      the document's own answer at the target year: `scenarios`, `hypotheses`, `clusters`
                              {name: mean}, entropy_bits, most_likely
    change                    this answer minus that one: the same keys without most_likely
    metadata, computation_time  as in a result document; input_hash is that of the changed document

    Raises ModelError for inputs that cannot be, ImpossibleObservation for observations of probability 0.
    """
    changed = what_if_document(
        document,
        overrides=overrides,
        interventions=interventions,
        observations=observations,
        iterations=iterations,
    )
    before = _base(what_if_document(document, iterations=iterations), jit, threads)
    result = simulate(changed, jit=jit, threads=threads, chunk=_CHUNK)
    after = _headline(result)
    return {
        "schema": SCHEMA,
        "scenario_probabilities": result["scenario_probabilities"],
        "scenario_intervals": result["scenario_intervals"],
        "hypothesis_intervals": result["hypothesis_intervals"],
        "clusters": result["clusters"]["named"],
        "temporal_evolution": [
            {name: value for name, value in entry.items() if name != "intervals"}
            for entry in result["temporal_evolution"]
        ],
        "base": before,
        "change": {
            part: {name: value - before[part][name] for name, value in after[part].items()}
            for part in ("scenarios", "hypotheses", "clusters")
        }
        | {"entropy_bits": after["entropy_bits"] - before["entropy_bits"]},
        "metadata": result["metadata"],
        "computation_time": result["computation_time"],
    }


def what_if_document(
    document: ModelDocument,
    *,
    overrides: Mapping[str, Any] | None = None,
    interventions: Sequence[Mapping[str, Any]] | None = None,
    observations: Sequence[Mapping[str, Any]] | None = None,
    iterations: int = ITERATIONS,
) -> ModelDocument:
    """The document that `what_if` answers for: it can be stored, or run with more iterations. Raises ModelError.

    A model that allows fewer iterations gets those.
    """
    given = {"interventions": interventions, "observations": observations}
    choices = {kind: [dict(entry) for entry in entries] for kind, entries in given.items() if entries is not None}
    changed = with_overrides(document, overrides or {})
    allowed = min(iterations, document.settings.monte_carlo.max_iterations)
    return with_run(changed, iterations=allowed, sampler="sobol", dtype="float64", stop_when_converged=False, **choices)


@lru_cache(_BASES)
def _base(document: ModelDocument, jit: bool, threads: int | None) -> dict[str, Any]:
    """The unchanged document's headline."""
    return _headline(simulate(document, jit=jit, threads=threads, chunk=_CHUNK))


def _headline(result: Mapping[str, Any]) -> dict[str, Any]:
    """The means at the target year."""
    target = result["metadata"]["target_year"]
    entry = next(entry for entry in result["temporal_evolution"] if entry["year"] == target)
    parts = {part: entry[part] for part in ("scenarios", "clusters", "entropy_bits", "most_likely")}
    return parts | {"hypotheses": {code: found["mean"] for code, found in entry["hypotheses"].items()}}
