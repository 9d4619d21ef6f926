"""Quantiles of many rows, against NumPy's and the definition."""

import numpy as np
import pytest

from analysis.engine.quantile import quantiles

POINTS = (0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
SAMPLES = {
    "even": lambda rng: rng.random((5, 4096)),
    "skew": lambda rng: rng.lognormal(-5, 4, (5, 3001)),
    "ties": lambda rng: rng.integers(0, 3, (5, 1000)) / 2,
    "one value": lambda rng: np.full((2, 500), 0.3),
    "one outlier": lambda rng: np.where(np.arange(2000) == 7, 1.0, 1e-9 * rng.random((2, 2000))),
    "two clumps": lambda rng: np.where(rng.random((4, 999)) < 0.05, 0.9, 0.1) + 1e-3 * rng.random((4, 999)),
    "few": lambda rng: rng.random((9, 3)),
    "single": lambda rng: rng.random((3, 1)),
    "tiny": lambda rng: 5e-324 * rng.integers(0, 3, (3, 100)),
}


@pytest.fixture(params=SAMPLES)
def values(request):
    return SAMPLES[request.param](np.random.default_rng(3))


def by_definition(row, weights):
    order = np.argsort(row, kind="stable")
    order = order[weights[order] > 0]
    w = weights[order]
    return np.interp(POINTS, (np.cumsum(w) - w / 2) / w.sum(), row[order])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_quantiles_are_those_of_hazen(values, kind):
    values = values.astype(kind)
    expected = np.quantile(values.astype(float), POINTS, axis=1, method="hazen")
    np.testing.assert_allclose(quantiles(values, None, POINTS), expected, rtol=1e-12)


def test_weighted_quantiles_are_those_of_the_definition(values):
    weights = np.random.default_rng(4).random(values.shape[1])
    expected = np.transpose([by_definition(row, weights) for row in values])
    np.testing.assert_allclose(quantiles(values, weights, POINTS), expected, rtol=1e-9)


def test_draws_without_weight_do_not_count(values):
    counts = np.random.default_rng(5).random(values.shape[1]) < 0.4
    counts[0] = True
    expected = quantiles(values[:, counts], None, POINTS)
    np.testing.assert_allclose(quantiles(values, 0.3 * counts, POINTS), expected, rtol=1e-9)


def test_equal_weights_are_no_weights(values):
    weights = np.full(values.shape[1], 0.3, dtype=np.float32)
    np.testing.assert_allclose(quantiles(values, weights, POINTS), quantiles(values, None, POINTS), rtol=1e-9)


def test_the_values_stay_as_they_are(values):
    before = values.copy()
    quantiles(values, None, POINTS)
    np.testing.assert_array_equal(values, before)
