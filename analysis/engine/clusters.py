"""Families of scenarios (MODEL.md 6): curated patterns, and a data-driven dendrogram beside them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy  # its large parts are loaded when first asked for: half a second, which few processes need
from numpy.typing import NDArray

from .estimate import letters
from .spec import ModelDocument, scenario_codes

Floats = NDArray[np.floating]
Labels = NDArray[np.integer]


def fits(pattern: str, code: str) -> bool:
    """Whether a scenario code agrees with a pattern of A, B and * (either)."""
    return all(wanted in ("*", letter) for wanted, letter in zip(pattern, code, strict=True))


def membership(document: ModelDocument) -> NDArray[np.int64]:
    """[S]: index of the first cluster whose pattern fits each scenario."""
    return _membership(tuple(cluster.pattern for cluster in document.clusters))


@lru_cache(8)
def _membership(patterns: tuple[str, ...]) -> NDArray[np.int64]:
    codes = scenario_codes(len(patterns[-1]))
    member = np.array([next(i for i, pattern in enumerate(patterns) if fits(pattern, code)) for code in codes])
    member.setflags(write=False)
    return member


def membership_matrix(document: ModelDocument) -> Floats:
    """[S, clusters]: 1 where the scenario belongs to the cluster."""
    return np.eye(len(document.clusters))[membership(document)]


def dendrogram(document: ModelDocument, probabilities: Floats) -> dict[str, Any]:
    """Average-linkage clustering of the scenarios at one moment; probabilities [S] of all scenarios.

    The distance of two scenarios is the sum of w_h over the hypotheses in which they differ, where w_h is proportional
    to 2 p_h (1 - p_h), the probability that two independent futures differ in h; the w_h sum to 1.
    Gives SciPy's `linkage` rows, the `leaves` as codes from left to right, and `groups`: at most as many as curated
    clusters (fewer where distances tie). `cophenetic_correlation` is that of the tree's distances with the scenarios'
    own (Sokal & Rohlf 1962): how well a tree describes them. `agreement` of the groups with the curated clusters is 1
    where both divide alike and 0 on average by chance: `scenarios` counts all scenarios alike, `futures` weighs them
    by probability (see `adjusted_rand`).
    """
    codes = scenario_codes(len(document.codes))
    outcomes = letters(len(document.codes))
    p = np.clip(probabilities @ outcomes, 0.0, 1.0)  # sums may pass 1 in the last digit
    spread = p * (1 - p)
    weights = spread / spread.sum() if spread.sum() > 0 else np.full(p.size, 1 / p.size)
    hierarchy = scipy.cluster.hierarchy
    distances = scipy.spatial.distance.pdist(outcomes, "hamming", w=weights)
    tree = hierarchy.linkage(distances, method="average")
    label = hierarchy.fcluster(tree, len(document.clusters), criterion="maxclust") - 1
    correlation, _ = hierarchy.cophenet(tree, distances)
    named = membership(document)
    return {
        "hypothesis_weights": dict(zip(document.codes, weights.tolist(), strict=True)),
        "linkage": tree.tolist(),
        "leaves": [codes[i] for i in hierarchy.leaves_list(tree)],
        "groups": [
            {
                "scenarios": [codes[i] for i in np.flatnonzero(label == mark)],
                "probability": float(probabilities[label == mark].sum()),
            }
            for mark in range(label.max() + 1)
        ],
        "cophenetic_correlation": float(correlation),
        "agreement": {
            "scenarios": adjusted_rand(label, named),
            "futures": adjusted_rand(label, named, probabilities),
        },
    }


def adjusted_rand(first: Labels, second: Labels, probabilities: Floats | None = None) -> float:
    """How much two partitions of the same things agree, beyond chance (Hubert & Arabie 1985); at most 1.

    Without probabilities, over all pairs of different things. With probabilities [things], over pairs of draws
    that are independent of each other: (P(both together) - P1 P2) / ((P1 + P2) / 2 - P1 P2), where P1 and P2 are the
    probabilities that the one and the other partition puts the pair together. Partitions that leave no room for
    chance (all together, or all apart, in both) agree fully.
    """
    weights = np.ones(first.size) if probabilities is None else probabilities / probabilities.sum()
    crossed = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(crossed, (first, second), weights)
    alone = first.size if probabilities is None else 0  # pairs of a thing with itself
    pairs = weights.sum() ** 2 - alone
    both, one, other = (
        ((sums**2).sum() - alone) / pairs for sums in (crossed, crossed.sum(axis=1), crossed.sum(axis=0))
    )
    expected, highest = one * other, (one + other) / 2
    return float((both - expected) / (highest - expected)) if highest - expected > 1e-12 else 1.0


def cluster_report(document: ModelDocument, probabilities: Floats, errors: Floats) -> dict[str, Any]:
    """The `clusters` part of the result at the target year: probabilities [S] of all scenarios, errors [clusters]."""
    codes = scenario_codes(len(document.codes))
    member = membership(document)
    return {
        "named": [
            {
                "name": cluster.name,
                "pattern": cluster.pattern,
                "probability": float(probabilities[member == index].sum()),
                "mcse": float(errors[index]),
                "scenarios": [codes[i] for i in np.flatnonzero(member == index)],
            }
            for index, cluster in enumerate(document.clusters)
        ],
        "dendrogram": dendrogram(document, probabilities),
    }
