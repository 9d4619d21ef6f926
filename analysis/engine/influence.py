"""Evidence influence (MODEL.md 7): what changes when an item, a source or a dependency group is left out.

Leave-one-out effects (case deletion, Cook 1977) on the log-odds, on every hypothesis and on a chosen output. Every
variant is computed with the random numbers of the run's own first iterations, so that the difference of two means has
a far smaller error than the means themselves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import ENGINE_VERSION
from .estimate import STUDENT_T, letters, standard_error
from .posterior import WeighedItem, pooled
from .sampling import REPLICATES
from .sensitivity.evaluate import Evaluator
from .sensitivity.outputs import Output, parse_output
from .spec import HypothesisSpec, ModelDocument, input_hash

Floats = NDArray[np.float64]

SCHEMA = "aifutures.influence/1"
HARDLY = 0.0005
"""A change of probability not worth a word: a twentieth of a point."""
HALF = 0.5
"""A hypothesis hangs on a source that gives so much of what its evidence says, or that decides which side it is on."""


class _Variant(NamedTuple):
    """What is left out: an item, a source or a dependency group, by the positions of its items among those used."""

    kind: str
    name: str
    items: frozenset[int]


class _Estimate(NamedTuple):
    """Sums by replicate, each draw weighed by its probability of what is observed (MODEL.md 3).

    weight [16] | hypotheses [reported, 16] and output [16]: weighed sums of P(A) and of the output
    """

    weight: Floats
    hypotheses: Floats
    output: Floats

    def mean(self, sums: Floats) -> Floats:
        """The mean over all draws: a ratio of sums, as a run's."""
        return np.asarray(sums.sum(axis=-1) / self.weight.sum())


def evidence_influence(
    document: ModelDocument,
    output: str | None = None,
    *,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """The document `aifutures.influence/1`: every leave-one-out effect, ranked, signed and in words.

    `output` is any of `sensitivity.outputs`; without it the entropy of the target year, and the ranking goes by the
    largest change of any hypothesis. Changes are "left out" minus "as it is", with 95 % half-widths; `log_odds` is the
    change of the posterior log-odds in nats. Raises ModelError for an unknown output, ImpossibleObservation.
    """
    started = time.perf_counter()
    chosen = parse_output(document, output)
    engine = _LeaveOneOut(document, chosen, threads or os.cpu_count() or 1)
    base = engine.estimate(frozenset())
    variants = list(engine.variants())
    unique = list(dict.fromkeys(variant.items for variant in variants))
    found: dict[frozenset[int], _Estimate] = {}
    with ThreadPoolExecutor(engine.threads) as pool:
        for items, estimate in zip(unique, pool.map(engine.estimate, unique), strict=True):
            found[items] = estimate
            if on_progress is not None:
                on_progress(len(found), len(unique))
    entries = [engine.entry(variant, base, found[variant.items]) for variant in variants]
    ranked = sorted(entries, key=lambda entry: -_size(entry, by_output=output is not None))
    return {
        "schema": SCHEMA,
        "output": chosen.name,
        "year": chosen.year,
        "base": {
            "output": float(base.mean(base.output)),
            "hypotheses": dict(zip(chosen.shown.hypotheses, base.mean(base.hypotheses).tolist(), strict=True)),
        },
        **{f"{kind}s": [entry for entry in ranked if entry["kind"] == kind] for kind in ("item", "source", "group")},
        "left_out_already": [
            {"id": item, "reason": reason} for belief in engine.evaluator.beliefs for item, reason in belief.excluded
        ],
        "hypotheses": engine.dependence(base, ranked),
        "computation_time": time.perf_counter() - started,
        "metadata": {"input_hash": input_hash(document), "engine_version": ENGINE_VERSION},
    }


class _LeaveOneOut:
    """The model's first iterations, and what they give under any part of the evidence."""

    def __init__(self, document: ModelDocument, output: Output, threads: int) -> None:
        self.document, self.output, self.threads = document, output, threads
        self.evaluator = Evaluator(document)
        self.used: list[WeighedItem] = [entry for belief in self.evaluator.beliefs for entry in belief.used]
        self.normals = self.evaluator.normals()
        self.inputs = self.evaluator.drawn(self.normals)
        self.fits = output.shown.fits[output.year - document.base_year]
        self.position = [document.codes.index(code) for code in output.shown.hypotheses]
        self.a_states = (1.0 - letters(len(document.codes))).T[self.position]

    def variants(self) -> Iterator[_Variant]:
        """Every item that counts, every source and every dependency group of more than one name."""
        by_source: dict[str, set[int]] = {}
        by_group: dict[str, set[int]] = {}
        for index, entry in enumerate(self.used):
            yield _Variant("item", entry.item.id, frozenset({index}))
            if entry.item.source is not None:
                by_source.setdefault(entry.item.source, set()).add(index)
            if entry.item.dependency_group:
                by_group.setdefault(entry.item.dependency_group, set()).add(index)
        for kind, sets in (("source", by_source), ("group", by_group)):
            for name, items in sets.items():
                yield _Variant(kind, name, frozenset(items))

    def estimate(self, left_out: frozenset[int]) -> _Estimate:
        """The replicate means without some of the items. Raises ImpossibleObservation."""
        inputs = self.inputs.copy()
        affected = {self.used[index].item.hypothesis for index in left_out}
        for index, hypothesis in enumerate(self.document.hypotheses):
            if hypothesis.code in affected:
                mu, sd, _ = self.posterior(hypothesis, left_out)
                inputs[index] = mu + sd * self.normals[index]
        joint = self.evaluator.joint(inputs, self.output.year)
        output = self.output(joint)
        weight = self.fits @ joint
        hypotheses = (self.a_states * self.fits) @ joint
        return _Estimate(_by_replicate(weight), _by_replicate(hypotheses), _by_replicate(output * weight))

    def posterior(self, hypothesis: HypothesisSpec, left_out: frozenset[int]) -> tuple[float, float, list[WeighedItem]]:
        """mu, sd and the weighed items of a hypothesis without some of the items."""
        kept = [
            entry
            for index, entry in enumerate(self.used)
            if index not in left_out and entry.item.hypothesis == hypothesis.code
        ]
        return pooled(self.document, hypothesis, kept)

    def entry(self, variant: _Variant, base: _Estimate, without: _Estimate) -> dict[str, Any]:
        """One row of the report."""
        members = [self.used[index] for index in sorted(variant.items)]
        affected = dict.fromkeys(member.item.hypothesis for member in members)
        before = {belief.code: belief.mu for belief in self.evaluator.beliefs}
        changes = {
            code: _change(base, base.hypotheses[i], without, without.hypotheses[i])
            for i, code in enumerate(self.output.shown.hypotheses)
        }
        known = {hypothesis.code: hypothesis for hypothesis in self.document.hypotheses}
        return {
            "kind": variant.kind,
            "id": variant.name,
            "title": members[0].item.title if len({member.item.title for member in members}) == 1 else None,
            "items": [
                {
                    "id": member.item.id,
                    "hypothesis": member.item.hypothesis,
                    "direction": member.item.direction,
                    "weight": member.weight,
                    "shrink": member.shrink,
                }
                for member in members
            ],
            "log_odds": {code: self.posterior(known[code], variant.items)[0] - before[code] for code in affected},
            "output": _change(base, base.output, without, without.output),
            "hypotheses": changes,
            "words": [_words(known[code], changes[code]) for code in affected if code in changes],
        }

    def dependence(self, base: _Estimate, ranked: list[dict[str, Any]]) -> dict[str, Any]:
        """For every reported hypothesis, the source that it hangs on, else the one that moves it most, if any does."""
        sources = [entry for entry in ranked if entry["kind"] == "source"]
        return {code: self._strongest(code, i, base, sources) for i, code in enumerate(self.output.shown.hypotheses)}

    def _strongest(self, code: str, i: int, base: _Estimate, sources: list[dict[str, Any]]) -> dict[str, Any]:
        probability = float(base.mean(base.hypotheses[i]))
        belief = self.evaluator.beliefs[self.position[i]]
        said = sum(abs(entry.weight) * entry.shrink for entry in belief.used)
        found = []
        for entry in sources:
            change = entry["hypotheses"][code]
            if abs(change["change"]) >= HARDLY:
                turns = (probability - HALF) * (change["without"] - HALF) < 0
                share = abs(entry["log_odds"].get(code, 0.0)) / said if said else 0.0
                found.append((turns or share > HALF, abs(change["change"]), entry["id"], share, turns))
        if not found:
            return {"source": None, "share": 0.0, "turns": False, "hangs_on_one_source": False}
        hangs, _, source, share, turns = max(found, key=lambda each: each[:2])
        return {"source": source, "share": share, "turns": turns, "hangs_on_one_source": hangs}


def _by_replicate(values: Floats) -> Floats:
    """Sums [..., 16] over the lanes of every replicate."""
    return np.asarray(values.reshape(*values.shape[:-1], REPLICATES, -1).sum(axis=-1))


def _change(base: _Estimate, before: Floats, left_out: _Estimate, after: Floats) -> dict[str, float]:
    """What leaving out does to a mean: the new value, the change, and its 95 % half-width from the replicates."""
    without = float(left_out.mean(after))
    difference = after / left_out.weight - before / base.weight
    return {
        "without": without,
        "change": without - float(base.mean(before)),
        "half_width": float(STUDENT_T * standard_error(difference)),
    }


def _words(hypothesis: HypothesisSpec, change: dict[str, float]) -> str:
    """What the evidence does for a hypothesis, in words."""
    name = f"{hypothesis.code} ({hypothesis.label})" if hypothesis.label else hypothesis.code
    if abs(change["change"]) < HARDLY:
        return f"hardly moves {name}"
    spoken_for = hypothesis.outcome_a or "outcome A" if change["change"] < 0 else hypothesis.outcome_b or "outcome B"
    before = change["without"] - change["change"]
    return (
        f"speaks for {spoken_for}: without it, P({hypothesis.code} = A) would be {change['without']:.1%}, "
        f"not {before:.1%}"
    )


def _size(entry: dict[str, Any], *, by_output: bool) -> float:
    if by_output:
        return abs(float(entry["output"]["change"]))
    return max(abs(float(change["change"])) for change in entry["hypotheses"].values())
