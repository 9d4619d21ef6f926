"""What the peers simulate and give back. They read a document as the engine does, and share nothing else with it.

Both know what the study needs: a dependency network with centred influences whose feedback is at most between pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.engine.network import components_in_order, edges
from analysis.engine.posterior import posteriors
from analysis.engine.spec import ModelDocument
from analysis.engine.timeline import logit

REPLICATES = 16

Floats = NDArray[np.floating]
Sums = NDArray[np.float64]


class Pull(NamedTuple):
    """All influences of `source` on `target`: rows of their strengths, and what a unit of each adds in A."""

    source: int
    target: int
    influences: NDArray[np.int64]
    slopes: Floats


class PeerModel(NamedTuple):
    """The document in float32, columns [n, 1] that broadcast over iterations; times in years from the base year.

    initial: log-odds at base | strength [influences, 1] and cv, their relative spread | parents: of every hypothesis |
    components: hypotheses by feedback component, in topological order | target: year of the second moments
    """

    years: int
    target: int
    mu: Floats
    sd: Floats
    midpoint: Floats
    midpoint_sd: Floats
    speed: Floats
    initial: Floats
    strength: Floats
    cv: np.float32
    pulls: list[Pull]
    parents: list[list[int]]
    components: list[list[int]]

    @property
    def n(self) -> int:
        """Hypotheses."""
        return len(self.mu)

    @property
    def dimensions(self) -> int:
        """Standard normals per iteration: theta, midpoints, strengths (MODEL.md 4)."""
        return 2 * self.n + len(self.strength)


class Totals(NamedTuple):
    """Sums by replicate, `joint` [16, T, S] and at the target year `squares` [16, S]; iterations of all together."""

    joint: Sums
    squares: Sums
    iterations: int


def peer_model(document: ModelDocument) -> PeerModel:
    """Read a document. Raises ValueError if it needs what the peers cannot do."""
    causal, run = document.settings.causal_network, document.run
    links, beliefs, hypotheses = edges(document), posteriors(document), document.hypotheses
    pairs = sorted(set(zip(links.target.tolist(), links.source.tolist(), strict=True)))
    parents = [[source for target, source in pairs if target == h] for h in range(len(hypotheses))]
    components = components_in_order(parents)
    network = causal.model == "dependency_network" and causal.enable_feedback_loops and causal.center_influences
    if not network or max(map(len, components)) > 2 or run.interventions or run.observations or run.hypotheses:
        raise ValueError("the peers know only dependency networks with centred influences and feedback in pairs")
    pulls = []
    for target, source in pairs:
        rows = np.flatnonzero((links.source == source) & (links.target == target))
        pulls.append(Pull(source, target, rows, links.slope[rows].astype(np.float32)))
    return PeerModel(
        years=len(document.years),
        target=document.target_year - document.base_year,
        mu=_column(belief.mu for belief in beliefs),
        sd=_column(belief.sd for belief in beliefs),
        midpoint=_column(h.midpoint_year - document.base_year for h in hypotheses),
        midpoint_sd=_column(h.midpoint_sd for h in hypotheses),
        speed=_column(h.speed for h in hypotheses),
        initial=_column(logit(h.initial_probability) for h in hypotheses),
        strength=_column(influence.strength for influence in document.influences),
        cv=np.float32(causal.strength_cv),
        pulls=pulls,
        parents=parents,
        components=components,
    )


def _column(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float32)[:, None]
