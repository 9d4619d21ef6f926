"""The simulation in plain NumPy (MODEL.md 2-4): what `enable_jit: false` runs on, to be read and compared with.

The same draws as the compiled kernel and the formulas as the method states them, in float64, a block of draws and a
year at a time. What depends on scenarios has one axis per hypothesis after that of the draws, [D, 2, ..., 2], with
outcome A at 0 and B at 1; an axis on which nothing depends has length 1, and broadcasting does the bookkeeping.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import mul
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri, softmax

from .estimate import marginal, reporting
from .network import components_in_order, kept_influences, spans
from .posterior import posteriors
from .sampling import BLOCK, REPLICATES, sobol_tables
from .spec import MIDPOINT_MARGIN, Fault, InfluenceSpec, ModelDocument, ModelError
from .timeline import LINEAR_BELOW, logit

MAX_ITERATIONS = 100_000
_WORD = 0xFFFFFFFF

Floats = NDArray[np.floating]


class Draws(NamedTuple):
    """Uncertain inputs of D iterations: theta and midpoint (years from base) [n, D], strength [influences, D]."""

    theta: Floats
    midpoint: Floats
    strength: Floats


class Link(NamedTuple):
    """An influence in force: the row of its strength, and its ends as positions of hypotheses."""

    listed: int
    source: int
    target: int
    influence: InfluenceSpec


class Span(NamedTuple):
    """Years between which no intervention starts (MODEL.md 3).

    start: index of the first year | fixed: hypothesis -> 0 or 1 where set to A or B | components: their members, in
    hypothesis order
    """

    start: int
    fixed: dict[int, int]
    links: list[Link]
    components: list[list[int]]


class Part(NamedTuple):
    """A factor of the joint, with the sweeps that feedback took and whether (0 or 1) they did not suffice."""

    table: Floats
    sweeps: int = 0
    unsettled: int = 0


class Joint(NamedTuple):
    """P(scenario) per draw [D, S], with the most sweeps of its parts and how many of these were not settled."""

    probabilities: Floats
    sweeps: int
    unsettled: int


class Reference:
    """The model of a document. `around` [reported states]: the probabilities that squares are taken around.

    Raises ModelError for more than 100,000 iterations.
    """

    def __init__(self, document: ModelDocument, around: Floats) -> None:
        run = document.run
        if run.iterations > MAX_ITERATIONS:
            message = f"without compiled code (enable_jit: false) at most {MAX_ITERATIONS:,}, not {run.iterations:,}"
            raise ModelError([Fault("run.iterations", message)])
        self.document = document
        self.around = around
        self.causal = document.settings.causal_network
        self.n = len(document.codes)
        self.dimensions = 2 * self.n + len(document.influences)
        self.tables = sobol_tables(run.seed, self.dimensions) if run.sampler == "sobol" else None
        self.beliefs = posteriors(document)
        self.initial = np.array([logit(h.initial_probability) for h in document.hypotheses])
        self.shown = reporting(document)
        self.spans = [self._span(start, fixed) for start, fixed in spans(document)]

    def run_blocks(self, first: int, sums: Floats, squares: Floats, sweeps: NDArray[np.int64]) -> None:
        """Simulate blocks first...: fill sums [blocks, T, S], squares [blocks, reported] and sweeps [blocks, 2]."""
        target = self.document.target_year - self.document.base_year
        for k in range(len(sums)):
            draws = self.draws(first + k)
            years = [self.joint(year, draws) for year in range(len(self.document.years))]
            sums[k] = [joint.probabilities.sum(axis=0) for joint in years]
            squares[k] = self._squares(years[target].probabilities, target)
            sweeps[k] = max(joint.sweeps for joint in years), sum(joint.unsettled for joint in years)

    def run_sample(self, replicate: int, count: int, sample: Floats) -> None:
        """The joints of the first `count` iterations of a replicate, into sample [T, S, count]."""
        for start in range(0, count, BLOCK):
            draws = self.draws(start // BLOCK * REPLICATES + replicate)
            for year, part in enumerate(sample[:, :, start : start + BLOCK]):
                part[:] = self.joint(year, draws).probabilities[: part.shape[1]].T

    def _squares(self, joint: Floats, year: int) -> Floats:
        """Sums over the draws of weight (P - around)^2 of every reported state, weight = P(observed) (MODEL.md 3)."""
        fitting = joint * self.shown.fits[year]
        weight = fitting.sum(axis=1)
        given = marginal(fitting / np.maximum(weight, np.finfo(float).tiny)[:, None], self.shown)
        return np.asarray(weight @ (given - self.around) ** 2)

    # Random inputs (MODEL.md 4)

    def words(self, block: int) -> NDArray[np.uint32]:
        """The block's random words [dimensions, BLOCK]."""
        if self.tables is None:
            return philox_words(self.document.run.seed, block * BLOCK, self.dimensions)
        low, high = (table[block % REPLICATES] for table in self.tables)
        bits = (block // REPLICATES >> np.arange(high.shape[1]) & 1).astype(np.uint32)
        return np.asarray(low ^ np.bitwise_xor.reduce(high * bits, axis=1)[:, None])

    def draws(self, block: int) -> Draws:
        """Standard normals by the inverse CDF of the words, and from them the uncertain inputs."""
        normals = ndtri((self.words(block) + 0.5) / 2**32)
        hypotheses = self.document.hypotheses
        mu, sd = (_column(getattr(belief, name) for belief in self.beliefs) for name in ("mu", "sd"))
        nominal = _column(h.midpoint_year - self.document.base_year for h in hypotheses)
        midpoint = nominal + _column(h.midpoint_sd for h in hypotheses) * normals[self.n : 2 * self.n]
        last = len(self.document.years) - 1
        strength = _column(influence.strength for influence in self.document.influences)
        return Draws(
            theta=mu + sd * normals[: self.n],
            midpoint=np.clip(midpoint, -MIDPOINT_MARGIN, last + MIDPOINT_MARGIN),
            strength=strength * np.maximum(0.0, 1 + self.causal.strength_cv * normals[2 * self.n :]),
        )

    # Time (MODEL.md 2)

    def levels(self, year: int, draws: Draws) -> Floats:
        """theta_h(t) [n, D], `year` counted from the base year.

        L(t) - L(base) = sinh(speed t / 2) / (2 cosh(speed (t - midpoint) / 2) cosh(speed midpoint / 2)): the literal
        difference of MODEL.md 2 without its cancellation.
        """
        speed = _column(h.speed for h in self.document.hypotheses)
        last = len(self.document.years) - 1

        def risen(t: int) -> Floats:
            """2 cosh(speed midpoint / 2) (L(t) - L(base))."""
            return np.asarray(np.sinh(speed * t / 2) / np.cosh(speed * (t - draws.midpoint) / 2))

        whole = risen(last) / np.cosh(speed * draws.midpoint / 2) / 2
        gone = np.where(whole < LINEAR_BELOW, year / last, risen(year) / risen(last))
        initial = self.initial[:, None]
        return np.asarray(initial + gone * (draws.theta - initial))

    # The joint of all scenarios (MODEL.md 3)

    def joint(self, year: int, draws: Draws) -> Joint:
        """The exact joint of a year, counted from the base year, for every draw."""
        span = next(span for span in reversed(self.spans) if span.start <= year)
        level = self.levels(year, draws)
        if self.causal.model == "log_linear":
            return self._joint([Part(self._log_linear(span, level, draws))])
        alone = [_along(self.n, h, expit(level[h]), expit(-level[h])) for h in range(self.n)]
        given = [self._conditional(h, span, level, draws) for h in range(self.n)]
        return self._joint([self._component(members, given, alone) for members in span.components])

    def _joint(self, parts: list[Part]) -> Joint:
        """The product of the parts, as a row of all scenarios per draw."""
        product = reduce(mul, (part.table for part in parts))
        rows = np.broadcast_to(product, (BLOCK,) + (2,) * self.n).reshape(BLOCK, -1)
        return Joint(rows, max(part.sweeps for part in parts), sum(part.unsettled for part in parts))

    def _span(self, start: int, fixed: dict[int, int]) -> Span:
        """What is in force from year index `start` on, where the hypotheses of `fixed` are set."""
        codes = self.document.codes
        links = [
            Link(e, codes.index(influence.source), codes.index(influence.target), influence)
            for e, (influence, kept) in enumerate(
                zip(self.document.influences, kept_influences(self.document), strict=True)
            )
            if kept and codes.index(influence.target) not in fixed
        ]
        parents = [sorted({link.source for link in links if link.target == h}) for h in range(self.n)]
        return Span(start, fixed, links, components_in_order(parents))

    def _centred(self, h: int, outcome: str, level: Floats) -> Floats:
        """1[x_h = outcome] - c P(outcome), P under theta_h(t) alone."""
        is_a = outcome == "A"
        expected = self.causal.center_influences * expit(level[h] if is_a else -level[h])
        return _along(self.n, h, is_a - expected, (not is_a) - expected)

    def _pull(self, link: Link, level: Floats, draws: Draws) -> Floats:
        """What an influence adds, m w_e (1[source] - c pi_e), for both outcomes of its source."""
        weight = self.causal.strength_multiplier * draws.strength[link.listed]
        return _per_draw(self.n, weight) * self._centred(link.source, link.influence.source_outcome, level)

    def _conditional(self, h: int, span: Span, level: Floats, draws: Draws) -> Floats:
        """P(x_h | parents)."""
        if h in span.fixed:
            return _along(self.n, h, np.full(BLOCK, 1.0 - span.fixed[h]), np.full(BLOCK, float(span.fixed[h])))
        z = _per_draw(self.n, level[h])
        for link in span.links:
            if link.target == h:
                sign = 1 if link.influence.target_outcome == "A" else -1
                z = z + sign * self._pull(link, level, draws)
        return np.concatenate([expit(z), expit(-z)], axis=1 + h)

    def _log_linear(self, span: Span, level: Floats, draws: Draws) -> Floats:
        """The symmetric cross-impact form: P(x) ~ exp(energy), without the scenarios that interventions rule out."""
        energy = np.zeros((BLOCK,) + (2,) * self.n)
        for h in range(self.n):
            energy += _along(self.n, h, level[h], np.zeros(BLOCK))
        for link in span.links:
            energy += self._pull(link, level, draws) * self._centred(link.target, link.influence.target_outcome, level)
        for h, outcome in span.fixed.items():
            energy[(slice(None),) * (1 + h) + (1 - outcome,)] = -np.inf
        return np.asarray(softmax(energy, axis=tuple(range(1, self.n + 1))))

    def _component(self, members: list[int], given: list[Floats], alone: list[Floats]) -> Part:
        """P(members | parents outside): their conditional, or the stationary distribution of the Gibbs scan."""
        if len(members) == 1:
            return Part(given[members[0]])
        if len(members) == 2:
            return Part(_stationary_pair(members, [given[h] for h in members]))
        start = reduce(mul, (alone[h] for h in members))
        return self._swept(members, [given[h] for h in members], start)

    def _swept(self, members: list[int], given: list[Floats], start: Floats) -> Part:
        """Exact sweeps from `start`, until each draw and outside configuration stands still by itself."""
        p = np.broadcast_to(start, np.broadcast_shapes(*(conditional.shape for conditional in given)))
        states = tuple(1 + h for h in members)
        moving = np.ones(p.max(axis=states, keepdims=True).shape, dtype=bool)
        sweeps = 0
        while moving.any() and sweeps < self.causal.max_iterations:
            sweeps += 1
            swept = p
            for h, conditional in zip(members, given, strict=True):
                swept = swept.sum(axis=1 + h, keepdims=True) * conditional
            change = np.abs(swept - p).max(axis=states, keepdims=True)
            p = np.where(moving, swept, p)
            moving = moving & (change >= self.causal.convergence_epsilon)
        return Part(p, sweeps, int(moving.any()))


def _stationary_pair(members: list[int], given: list[Floats]) -> Floats:
    """The stationary distribution of the scan over two members, in closed form.

    From one scan to the next the first member moves B -> A with probability `rise`, A -> B with `fall`; the second is
    drawn after it.
    """
    (first, second), (one, two) = members, given
    to_a, to_b = ((two * one.take([outcome], 1 + first)).sum(axis=1 + second, keepdims=True) for outcome in (0, 1))
    rise, fall = to_a.take([1], 1 + first), to_b.take([0], 1 + first)
    return np.asarray(np.concatenate([rise, fall], axis=1 + first) / (rise + fall) * two)


def _column(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=float)[:, None]


def _per_draw(n: int, values: Floats) -> Floats:
    """[D] -> [D, 1, ..., 1]."""
    return values.reshape(-1, *(1,) * n)


def _along(n: int, h: int, if_a: Floats, if_b: Floats) -> Floats:
    """Two numbers per draw, for outcomes A and B of hypothesis h: [D, 1, ..., 2, ..., 1]."""
    return np.concatenate([_per_draw(n, if_a), _per_draw(n, if_b)], axis=1 + h)


def philox_words(seed: int, iteration: int, dimensions: int) -> NDArray[np.uint32]:
    """Philox 4x32-10 (Salmon et al. 2011) for a block from `iteration` on: [dimensions, BLOCK] (MODEL.md 4).

    Word d of iteration i is word d mod 4 of the counter (i, d // 4), keyed by the seed; each word is kept in 64 bits.
    """
    i = np.arange(iteration, iteration + BLOCK, dtype=np.uint64)
    group = np.arange(-(-dimensions // 4), dtype=np.uint64)[:, None]
    c0, c1, c2, c3 = (np.broadcast_to(word, (len(group), BLOCK)) for word in (i & _WORD, i >> 32, group, group * 0))
    key0, key1 = seed & _WORD, seed >> 32
    for _ in range(10):
        p0, p1 = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ key0, p1 & _WORD, (p0 >> 32) ^ c3 ^ key1, p0 & _WORD
        key0, key1 = (key0 + 0x9E3779B9) & _WORD, (key1 + 0xBB67AE85) & _WORD
    words = np.stack([c0, c1, c2, c3], axis=1).reshape(-1, BLOCK)
    return words[:dimensions].astype(np.uint32)
