"""The model by slow, plain enumeration: what the engine is tested against (MODEL.md 9).

Written from MODEL.md alone, in float64, on the plain dict of a model document. It shares nothing with the
engine, and takes the literal form of the contract where there is a choice. Only draws are vectorised (D, the
leading axis); states, influences and items are looped over. Scenarios are in the order of
`itertools.product("AB", repeat=n)`: the last hypothesis changes fastest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

Document = dict[str, Any]
Floats = NDArray[np.float64]
Integers = NDArray[np.int_]
Bools = NDArray[np.bool_]
Vector = Sequence[float] | Floats
Draw = tuple[Vector, Vector, Vector]
"""What one iteration draws: theta_h and midpoint_h (by hypothesis) and w_e (by influence, as listed)."""

CHUNK = 256
"""Draws enumerated at once: a Gibbs kernel of eight hypotheses is 256 x 256 numbers for each."""


def logit(probability: float) -> float:
    """Log-odds of a probability."""
    return float(np.log(probability) - np.log1p(-probability))


# Evidence


@dataclass(frozen=True)
class Posterior:
    """What the evidence says of one hypothesis (MODEL.md 1)."""

    mu: float
    sd: float
    used: dict[str, tuple[float, float]]
    """Weight (signed, before the discount) and shrink of each item used."""
    left_out: dict[str, str]
    """Reason for each item left out: future, too_old, low_quality or filtered; the first that holds."""


def posterior(document: Document) -> list[tuple[float, float]]:
    """Mean and sd of every hypothesis's log-odds at full evidence (MODEL.md 1)."""
    return [(found.mu, found.sd) for found in evidence_summary(document)]


def evidence_summary(document: Document) -> list[Posterior]:
    """Posterior log-odds, items used and items left out, of every hypothesis (MODEL.md 1)."""
    return [_posterior(document, hypothesis) for hypothesis in document["hypotheses"]]


def discount(k: int, r: float) -> float:
    """f_k(r): what the k-th strongest of a set with correlation r counts (MODEL.md 1)."""
    return 1.0 if k == 1 else (1 - r) / ((1 + (k - 1) * r) * (1 + (k - 2) * r))


def _posterior(document: Document, hypothesis: dict[str, Any]) -> Posterior:
    settings = document["settings"]["evidence"]
    within, between = settings["within_group_correlation"], settings["between_group_correlation"]
    weight, noise, shrink, group, left_out = {}, {}, {}, {}, {}
    sides: dict[str, list[str]] = {"A": [], "B": []}
    for item in document["evidence"]:
        if item["hypothesis"] != hypothesis["code"]:
            continue
        key, (quality, reason) = item["id"], _quality(document, item)
        if reason:
            left_out[key] = reason
            continue
        sides[item["direction"]].append(key)
        sign = 1 if item["direction"] == "A" else -1
        size = settings["log_bayes_factor_scale"] * item["strength"]
        bonus = 1 + settings["replication_bonus"] * item["quality_scores"]["replication"]
        weight[key] = sign * size * quality * bonus
        noise[key] = size * (1 - quality)
        # A group of its own goes by the item's id, and stays apart from a group that happens to be called so.
        group[key] = (item["dependency_group"] or key, bool(item["dependency_group"]))

    variance = settings["model_discrepancy_sd"] ** 2
    for side in sides.values():
        # Rounded, so that equal weights are equal whatever the order in which their parts were multiplied.
        side.sort(key=lambda key: (-round(abs(weight[key]), 12), key))
        sums = {}
        for name in {group[key] for key in side}:
            ranked = [key for key in side if group[key] == name]
            for k, key in enumerate(ranked, start=1):
                shrink[key] = discount(k, within)
            sums[name] = sum(abs(weight[key]) * shrink[key] for key in ranked)
        for k, name in enumerate(sorted(sums, key=lambda name: (-round(sums[name], 12), name)), start=1):
            for key in side:
                if group[key] == name:
                    shrink[key] *= discount(k, between)
        for i in side:
            for j in side:
                correlation = 1.0 if i == j else within if group[i] == group[j] else between
                variance += correlation * noise[i] * shrink[i] * noise[j] * shrink[j]

    mu = logit(hypothesis["prior_probability"]) + sum(weight[key] * shrink[key] for key in weight)
    used = {key: (weight[key], shrink[key]) for key in weight}
    return Posterior(mu, float(np.sqrt(variance)), used, left_out)


def _quality(document: Document, item: dict[str, Any]) -> tuple[float, str | None]:
    """Quality of an item, and the first reason to leave it out."""
    settings, chosen = document["settings"]["evidence"], document["run"]["evidence_filter"]
    as_of, published = date.fromisoformat(document["as_of"]), date.fromisoformat(item["publication_date"])
    age, scores = (as_of - published).days / 365.25, dict(item["quality_scores"])
    if scores["recency"] is None:
        scores["recency"] = min(1.0, max(0.0, 1 - age / settings["max_age_years"]))
    quality = sum(settings[f"{name}_weight"] * score for name, score in scores.items())
    reasons = [
        ("future", age < 0),
        ("too_old", age > settings["max_age_years"]),
        ("low_quality", quality < settings["quality_threshold"]),
        ("filtered", chosen["quality_min"] is not None and quality < chosen["quality_min"]),
        ("filtered", chosen["sources"] and item.get("source") not in chosen["sources"]),
        ("filtered", chosen["hypothesis"] is not None and item["hypothesis"] != chosen["hypothesis"]),
    ]
    return quality, next((reason for reason, holds in reasons if holds), None)


# Time


def theta_at(document: Document, theta: Vector, midpoint: Vector, year: float) -> Floats:
    """Log-odds of every hypothesis in a year, given those at full evidence: [..., n] (MODEL.md 2).

    L(t) - L(base) = sinh(speed (t - base) / 2) / (2 cosh(u_t) cosh(u_base)), u_t = speed (t - midpoint) / 2:
    the literal difference without its cancellation. In the ranges of MODEL.md 2 no argument passes 315.
    """
    base, end = document["base_year"], document["end_year"]
    theta, midpoint, speed = np.asarray(theta, float), np.asarray(midpoint, float), _column(document, "speed")
    initial = np.array([logit(probability) for probability in _column(document, "initial_probability")])
    if end == base:
        # One year is both base and end: the state of affairs at base holds.
        return np.broadcast_to(initial, theta.shape).copy()

    def rise(t: float) -> Floats:
        """(L(t) - L(base)) 2 cosh(u_base)."""
        return np.asarray(np.sinh(speed * (t - base) / 2) / np.cosh(speed * (t - midpoint) / 2))

    span = rise(end) / np.cosh(speed * (base - midpoint) / 2) / 2
    share = np.where(span < 1e-9, (year - base) / (end - base), rise(year) / rise(end))
    return np.asarray(initial + share * (theta - initial))


# Causal network


def states(n: int) -> Bools:
    """[2**n, n]: which hypotheses are at A in each scenario."""
    return np.array([[letter == "A" for letter in code] for code in product("AB", repeat=n)])


def joint(document: Document, theta: Vector, midpoint: Vector, strengths: Vector, year: int) -> Floats:
    """Exact probability of every scenario in a year given one draw, with its interventions (MODEL.md 3)."""
    return np.asarray(draw_joints(document, [(theta, midpoint, strengths)], [year])[0, 0])


def joints(document: Document, theta: Floats, midpoint: Floats, strengths: Floats, year: int) -> Floats:
    """`joint` for many draws at once: [D, 2**n] from theta [D, n], midpoint [D, n] and strengths [D, E]."""
    network = document["settings"]["causal_network"]
    n, position = len(document["hypotheses"]), _positions(document)
    x, now = states(n), theta_at(document, theta, midpoint, year)
    centre = 1.0 if network["center_influences"] else 0.0
    fixed, kept = interventions_in_force(document, year), influences_in_force(document, year)

    def indicator(influence: dict[str, Any], end: str) -> Floats:
        """1[x_h = outcome] - c P(outcome) under theta_h alone, at an end of the influence: [D, 2**n]."""
        h, is_a = position[influence[end]], influence[f"{end}_outcome"] == "A"
        return np.asarray((x[:, h] == is_a) - centre * expit(now[:, h, None] if is_a else -now[:, h, None]))

    energy = now @ x.T.astype(float)
    z = [np.repeat(now[:, h, None], len(x), axis=1) for h in range(n)]
    for e in kept:
        influence, weight = document["influences"][e], network["strength_multiplier"] * strengths[:, e, None]
        pull = weight * indicator(influence, "source")
        energy += pull * indicator(influence, "target")
        z[position[influence["target"]]] += pull if influence["target_outcome"] == "A" else -pull

    if network["model"] == "log_linear":
        for h, is_a in fixed.items():
            energy[:, x[:, h] != is_a] = -np.inf
        return np.asarray(np.exp(energy - logsumexp(energy, axis=1, keepdims=True)))

    result = np.ones((len(now), len(x)))
    for members in components(n, _edges(document, kept)):
        h = members[0]
        if len(members) > 1:
            result *= _feedback(members, x, z, now, network)
        elif h in fixed:
            result *= x[:, h] == fixed[h]
        else:
            result *= np.where(x[:, h], expit(z[h]), expit(-z[h]))
    return result


def interventions_in_force(document: Document, year: int) -> dict[int, bool]:
    """Hypothesis -> is it held at A, for those held in a year; the later start wins (MODEL.md 3)."""
    position = _positions(document)
    started = [item for item in document["run"]["interventions"] if item["from_year"] <= year]
    started.sort(key=lambda item: item["from_year"])
    return {position[item["hypothesis"]]: item["outcome"] == "A" for item in started}


def influences_in_force(document: Document, year: int) -> list[int]:
    """Influences left by the model, by its feedback cut and by the year's interventions (MODEL.md 3)."""
    network, influences = document["settings"]["causal_network"], document["influences"]
    model, feedback = network["model"], network["enable_feedback_loops"]
    if model == "independent":
        return []
    cut = model == "bayesian_network" or (model == "dependency_network" and not feedback)
    kept = _without_feedback(document) if cut else range(len(influences))
    fixed = interventions_in_force(document, year)
    return [e for e in kept if _positions(document)[influences[e]["target"]] not in fixed]


def components(n: int, edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Strongly connected components: the hypotheses that reach each other (MODEL.md 3)."""
    reach = _reachable(n, edges)
    mutual = reach & reach.T
    return [list(map(int, np.flatnonzero(row))) for h, row in enumerate(mutual) if not row[:h].any()]


def stationary(kernel: Floats) -> Floats:
    """Stationary distribution [D, K] of the Markov kernels [D, K, K], from row to column.

    Elimination after Grassmann, Taksar & Heyman (1985): no subtractions, so rare states are exact as well.
    """
    a = kernel.copy()
    size = a.shape[1]
    for k in range(size - 1, 0, -1):
        a[:, :k, k] /= a[:, k, :k].sum(axis=1)[:, None]
        a[:, :k, :k] += a[:, :k, k, None] * a[:, k, None, :k]
    p = np.ones(a.shape[:2])
    for k in range(1, size):
        p[:, k] = (p[:, :k] * a[:, :k, k]).sum(axis=1)
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def iterate(kernel: Floats, start: Floats, epsilon: float, limit: int) -> tuple[Floats, Integers, Bools]:
    """Sweeps from a start, each draw by itself: distribution, sweeps, whether converged (MODEL.md 3)."""
    p, sweeps = start, np.zeros(len(start), int)
    converged = np.zeros(len(start), bool)
    for _ in range(limit):
        swept = np.einsum("dk,dkl->dl", p, kernel)
        still = np.abs(swept - p).max(axis=1) < epsilon
        p = np.where(converged[:, None], p, swept)
        sweeps += ~converged
        converged |= still
    return p, sweeps, converged


def gibbs_kernel(members: Sequence[int], rows: Integers, x: Bools, z: Sequence[Floats]) -> Floats:
    """One systematic scan over the members in hypothesis order, over the states `rows` (MODEL.md 3)."""
    where = {x[row].tobytes(): k for k, row in enumerate(rows)}
    kernel = np.broadcast_to(np.eye(len(rows)), (len(z[0]), len(rows), len(rows)))
    for h in members:
        step = np.zeros(kernel.shape)
        for k, row in enumerate(rows):
            for is_a, sign in ((True, 1), (False, -1)):
                moved = x[row].copy()
                moved[h] = is_a
                step[:, k, where[moved.tobytes()]] = expit(sign * z[h][:, row])
        kernel = kernel @ step
    return kernel


def _feedback(members: list[int], x: Bools, z: list[Floats], now: Floats, network: dict[str, Any]) -> Floats:
    """P(members | everything outside them) of a component with feedback: [D, 2**n] (MODEL.md 3)."""
    n, result = x.shape[1], np.empty(z[0].shape)
    outside = [h for h in range(n) if h not in members]
    for values in product((True, False), repeat=len(outside)):
        rows = np.flatnonzero((x[:, outside] == np.array(values, bool)).all(axis=1))
        kernel = gibbs_kernel(members, rows, x, z)
        if len(members) == 2:
            result[:, rows] = stationary(kernel)
        else:
            start = np.ones((len(now), len(rows)))
            for h in members:
                start *= np.where(x[rows, h], expit(now[:, h, None]), expit(-now[:, h, None]))
            epsilon, limit = network["convergence_epsilon"], network["max_iterations"]
            result[:, rows] = iterate(kernel, start, epsilon, limit)[0]
    return result


def _column(document: Document, key: str) -> Floats:
    return np.array([hypothesis[key] for hypothesis in document["hypotheses"]], float)


def _positions(document: Document) -> dict[str, int]:
    return {hypothesis["code"]: h for h, hypothesis in enumerate(document["hypotheses"])}


def _reachable(n: int, edges: Iterable[tuple[int, int]]) -> Bools:
    """[n, n]: is there a path, of any length from zero on."""
    reach = np.eye(n, dtype=bool)
    for source, target in edges:
        reach[source, target] = True
    for _ in range(n):
        reach = reach @ reach
    return reach


def _without_feedback(document: Document) -> list[int]:
    influences, kept = document["influences"], list[int]()
    for e in sorted(range(len(influences)), key=lambda e: (-influences[e]["strength"], e)):
        [(source, target)] = _edges(document, [e])
        if not _reachable(len(document["hypotheses"]), _edges(document, kept))[target, source]:
            kept.append(e)
    return kept


def _edges(document: Document, kept: Iterable[int]) -> list[tuple[int, int]]:
    position, influences = _positions(document), document["influences"]
    return [(position[influences[e]["source"]], position[influences[e]["target"]]) for e in kept]


# Monte Carlo


def observed(document: Document, year: int) -> Bools:
    """[2**n]: the scenarios that agree with the year's observations (MODEL.md 3)."""
    x = states(len(document["hypotheses"]))
    agree = np.ones(len(x), bool)
    for item in document["run"]["observations"]:
        if item["from_year"] <= year:
            agree &= x[:, _positions(document)[item["hypothesis"]]] == (item["outcome"] == "A")
    return agree


def closed_form(document: Document, years: Iterable[int] | None = None) -> Floats:
    """[T, 2**n]: the joint of every year with no uncertainty, given the observations (MODEL.md 9)."""
    mu = [mean for mean, _ in posterior(document)]
    strengths = [influence["strength"] for influence in document["influences"]]
    return mean_joint(document, [(mu, _column(document, "midpoint_year"), strengths)], years)


def inputs(document: Document, normals: Floats) -> list[Draw]:
    """Standard normals [D, 2n + E] -> theta, midpoint (clipped) and strengths of every draw (MODEL.md 4)."""
    n, (mu, sd) = len(document["hypotheses"]), np.array(posterior(document)).T
    midpoint_normals, strength_normals = normals[:, n : 2 * n], normals[:, 2 * n :]
    midpoint = _column(document, "midpoint_year") + _column(document, "midpoint_sd") * midpoint_normals
    midpoint = np.clip(midpoint, document["base_year"] - 50, document["end_year"] + 50)
    strength = np.array([influence["strength"] for influence in document["influences"]], float)
    factor = np.maximum(0.0, 1 + document["settings"]["causal_network"]["strength_cv"] * strength_normals)
    return list(zip(mu + sd * normals[:, :n], midpoint, strength * factor, strict=True))


def draw_joints(document: Document, draws: Iterable[Draw], years: Iterable[int] | None = None) -> Floats:
    """[D, T, 2**n]: the joint of every draw in every year, without the observations (MODEL.md 4)."""
    theta, midpoint, strengths = (np.array(part, float) for part in zip(*draws, strict=True))
    by_year = []
    for year in _chosen(document, years):
        parts = [slice(start, start + CHUNK) for start in range(0, len(theta), CHUNK)]
        found = [joints(document, theta[part], midpoint[part], strengths[part], year) for part in parts]
        by_year.append(np.concatenate(found))
    return np.stack(by_year, axis=1)


def mean_joint(document: Document, draws: Sequence[Draw], years: Iterable[int] | None = None) -> Floats:
    """[T, 2**n]: sum_i P_i(x, a) / sum_i P_i(a) over given draws (MODEL.md 3)."""
    return _ratios(document, draws, years)[0]


def estimate(
    document: Document, iterations: int, rng: np.random.Generator, years: Iterable[int] | None = None
) -> tuple[Floats, Floats]:
    """Plain Monte Carlo: mean joint and its standard error, [T, 2**n] each (MODEL.md 4)."""
    dimensions = 2 * len(document["hypotheses"]) + len(document["influences"])
    return _ratios(document, inputs(document, rng.standard_normal((iterations, dimensions))), years)


def _ratios(document: Document, draws: Sequence[Draw], years: Iterable[int] | None) -> tuple[Floats, Floats]:
    """With observations a mean is a ratio of two means, and its error that of the linearised ratio."""
    means, errors = [], []
    for year in _chosen(document, years):
        p = draw_joints(document, draws, [year])[:, 0] * observed(document, year)
        if p.sum() <= 0:
            raise ValueError(f"the observations have probability 0 in {year}")
        means.append(p.sum(axis=0) / p.sum())
        residual = p - p.sum(axis=1, keepdims=True) * means[-1]
        errors.append(np.sqrt((residual**2).sum(axis=0)) / p.sum())
    return np.array(means), np.array(errors)


def hypothesis_marginals(joint_: Floats) -> Floats:
    """[..., n]: P(A) of every hypothesis from the joint [..., 2**n]."""
    return np.asarray(joint_ @ states(int(joint_.shape[-1]).bit_length() - 1))


def cluster_of(document: Document) -> list[str]:
    """Name of the first cluster that every scenario fits (MODEL.md 6)."""

    def fits(pattern: str, code: tuple[str, ...]) -> bool:
        return all(wanted in ("*", letter) for wanted, letter in zip(pattern, code, strict=True))

    codes = product("AB", repeat=len(document["hypotheses"]))
    return [next(c["name"] for c in document["clusters"] if fits(c["pattern"], code)) for code in codes]


def _chosen(document: Document, years: Iterable[int] | None) -> Iterable[int]:
    return range(document["base_year"], document["end_year"] + 1) if years is None else years
