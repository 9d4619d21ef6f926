"""The probabilities of the target year as one vector: scenarios, clusters, hypotheses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .clusters import membership_matrix
from .estimate import conditional, letters, marginal, reporting
from .simulate import simulate_sums
from .spec import ModelDocument

Floats = NDArray[np.floating]

TOP = 5
"""Scenarios that make headlines."""


class Quantities(NamedTuple):
    """Names of all quantities and which of them are scenarios, clusters and hypotheses (P(A)).

    mixing [S, quantities]: what each adds up of the full joint.
    """

    names: list[str]
    scenarios: slice
    clusters: slice
    hypotheses: slice
    mixing: Floats

    def kind(self, at: int) -> str:
        """What the quantity at a position is: scenario, cluster or hypothesis."""
        return "scenario" if at < self.scenarios.stop else "cluster" if at < self.clusters.stop else "hypothesis"

    def top(self, values: Floats) -> list[int]:
        """The positions of the five most likely scenarios, ties in listed order; values [quantities]."""
        return [int(at) for at in np.argsort(-values[self.scenarios], kind="stable")[:TOP]]

    def headlines(self, values: Floats) -> list[int]:
        """The five most likely scenarios, then every cluster and every hypothesis."""
        return [*self.top(values), *range(self.clusters.start, self.hypotheses.stop)]


def quantities(document: ModelDocument) -> Quantities:
    """What is looked at; the same for every variant of a document."""
    shown = reporting(document)
    states = marginal(np.eye(shown.state.size), shown)
    clusters = [cluster.name for cluster in document.clusters]
    first = len(shown.codes)
    second = first + len(clusters)
    return Quantities(
        names=[*shown.codes, *clusters, *shown.hypotheses],
        scenarios=slice(0, first),
        clusters=slice(first, second),
        hypotheses=slice(second, second + len(shown.hypotheses)),
        mixing=np.hstack([states, membership_matrix(document), states @ (1 - letters(len(shown.hypotheses)))]),
    )


class Estimate(NamedTuple):
    """Means [quantities] of a run, and those of its 16 replicates [16, quantities]."""

    mean: Floats
    replicates: Floats


def estimate(document: ModelDocument, wanted: Quantities, *, jit: bool, threads: int | None) -> Estimate:
    """The quantities at the target year, given what is observed. Raises ImpossibleObservation, ModelError."""
    sums = simulate_sums(document, jit=jit, threads=threads)
    shown, target = reporting(document), document.target_year - document.base_year
    mean = conditional(sums.sum(axis=0), shown, document.base_year)[target]
    replicates = conditional(sums, shown, document.base_year)[:, target]
    return Estimate(mean @ wanted.mixing, replicates @ wanted.mixing)
