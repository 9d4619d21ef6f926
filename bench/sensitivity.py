"""The default Sobol' study: ours, and the same with SALib around the model as a vectorised NumPy function."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from SALib.analyze import sobol as salib_analyze
from SALib.sample import sobol as salib_sample
from scipy.special import expit

from analysis.engine.network import edges
from analysis.engine.posterior import posteriors
from analysis.engine.sensitivity.request import parse_request
from analysis.engine.sensitivity.study import sensitivity_study
from analysis.engine.spec import ModelDocument

from .measure import REPEATS, seconds, typical
from .peer import PeerModel, peer_model

BASE = 1024
RESAMPLES = 100
CHUNK = 4096

Floats = NDArray[np.float64]


class Study(NamedTuple):
    """Median seconds, and the total-order indices in the order of the parameters."""

    seconds: float
    total: Floats


def ours(document: ModelDocument) -> Study:
    """The study as users run it: 35 parameters, base 1024, second order, 100 resamples."""
    request = parse_request(document, {"method": "sobol"})
    found = sensitivity_study(document, request)
    total = np.array([entry["value"] for entry in found["total_order"].values()])
    return Study(typical(lambda: sensitivity_study(document, request)), total)


def salib(document: ModelDocument) -> Study:
    """SALib's sample and indices, and the entropy of the last year in NumPy."""
    model = _Entropy(document)
    problem = model.problem()
    found: list[Floats] = []

    def study() -> None:
        sample = salib_sample.sample(problem, BASE, calc_second_order=True, seed=1)
        outputs = np.concatenate([model(sample[start : start + CHUNK]) for start in range(0, len(sample), CHUNK)])
        indices = salib_analyze.analyze(problem, outputs, calc_second_order=True, num_resamples=RESAMPLES, seed=1)
        found.append(indices["ST"])

    times = sorted(seconds(study) for _ in range(REPEATS))
    return Study(times[REPEATS // 2], found[-1])


class _Entropy:
    """Entropy (bits) of the joint in the last year, where every hypothesis has reached its posterior."""

    def __init__(self, document: ModelDocument) -> None:
        self.model: PeerModel = peer_model(document)
        self.document = document
        self.links = edges(document)
        self.beliefs = posteriors(document)

    def problem(self) -> dict[str, object]:
        """SALib's description of the 35 parameters: normals, the strengths cut at 0, a uniform multiplier."""
        cv = self.document.settings.causal_network.strength_cv
        bounds = [[belief.mu, belief.sd] for belief in self.beliefs]
        bounds += [[h.midpoint_year, h.midpoint_sd] for h in self.document.hypotheses]
        bounds += [[e.strength, cv * e.strength] for e in self.document.influences]
        count = len(bounds)
        return {
            "num_vars": count + 1,
            "names": [f"x{k}" for k in range(count + 1)],
            "bounds": [*bounds, [0.5, 1.5]],
            "dists": ["norm"] * count + ["unif"],
        }

    def __call__(self, sample: Floats) -> Floats:
        """The output [rows] of the sample [rows, 35]; midpoints have no say in the last year."""
        n, rows = self.model.n, len(sample)
        theta = sample[:, :n].T
        strength = sample[:, -1:].T * np.maximum(sample[:, 2 * n : -1].T, 0.0)
        p = expit(theta)
        joint = np.ones((1,) * n + (rows,))
        for component in self.model.components:
            given = [self._conditional(h, theta, p, strength) for h in component]
            joint = joint * (given[0] if len(component) == 1 else _stationary(component, given))
        joint = joint.reshape(-1, rows)
        return np.asarray(-(joint * np.log2(joint)).sum(axis=0))

    def _conditional(self, h: int, theta: Floats, p: Floats, strength: Floats) -> Floats:
        """P(h | its parents): an axis of length 2 for h and for every parent, then the rows."""
        n, rows = self.model.n, theta.shape[1]
        z = theta[h].reshape((1,) * n + (rows,))
        for pull in self.model.pulls:
            if pull.target == h:
                slope = pull.slopes.astype(float) @ strength[pull.influences]
                both = np.stack([slope * (1 - p[pull.source]), -slope * p[pull.source]])
                z = z + both.reshape((1,) * pull.source + (2,) + (1,) * (n - 1 - pull.source) + (rows,))
        a = expit(z)
        return np.concatenate([a, 1 - a], axis=h)


def _stationary(members: list[int], given: list[Floats]) -> Floats:
    """Two hypotheses that influence each other: drawn in turn, the second last (MODEL.md 3)."""
    (first, second), (one, two) = members, given
    to_a, to_b = ((two * one.take([k], first)).sum(axis=second, keepdims=True) for k in (0, 1))
    rise, fall = to_a.take([1], first), to_b.take([0], first)
    return np.asarray(np.concatenate([rise, fall], axis=first) / (rise + fall) * two)
