"""Sobol' indices against analytic values, closed forms and SALib."""

import numpy as np
import pytest
from SALib.analyze import sobol as salib_analysis
from SALib.sample import sobol as salib_sampling
from SALib.test_functions import Ishigami, Sobol_G

from analysis.engine.sensitivity import sobol
from analysis.engine.sensitivity.design import SensitivityError
from analysis.engine.sensitivity.sobol import saltelli, sobol_indices, sobol_points, sobol_rows

GROUPINGS = [[0, 1, 2, 3, 4], [0, 1, 0, 2, 1], [0, 0, 0, 0, 1]]


def sobol_sample(groups, base, seed, second_order):
    return saltelli(*sobol_points(len(groups), base, seed), groups, second_order)


def problem(groups):
    """The unit cube in SALib's terms."""
    names = [f"x{column}" for column in range(len(groups))]
    return {
        "num_vars": len(names),
        "names": names,
        "bounds": [[0, 1]] * len(names),
        "groups": [f"g{group}" for group in groups],
    }


def curved(sample):
    """An output with curvature and interactions of every pair, far from 0."""
    return 40 + np.sin(3 * sample).sum(axis=1) + (sample @ np.arange(sample.shape[1])) ** 2


def study(function, groups, base, second_order=True, seed=7):
    outputs = function(sobol_sample(groups, base, seed, second_order))
    return sobol_indices(outputs, max(groups) + 1, base, second_order, seed=seed)


@pytest.mark.parametrize("groups", GROUPINGS)
@pytest.mark.parametrize("second_order", [True, False])
@pytest.mark.parametrize("seed", [0, 7])
def test_the_sample_is_salibs_bit_for_bit(groups, second_order, seed):
    theirs = salib_sampling.sample(problem(groups), 16, calc_second_order=second_order, seed=seed)
    np.testing.assert_array_equal(sobol_sample(groups, 16, seed, second_order), theirs)


@pytest.mark.parametrize("groups", GROUPINGS)
@pytest.mark.parametrize("second_order", [True, False])
def test_indices_and_half_widths_are_salibs(groups, second_order):
    outputs = curved(sobol_sample(groups, 64, 7, second_order))
    theirs = salib_analysis.analyze(
        problem(groups), outputs, calc_second_order=second_order, num_resamples=30, conf_level=0.9, seed=7
    )
    ours = sobol_indices(outputs, max(groups) + 1, 64, second_order, seed=7, resamples=30, confidence=0.9)._asdict()
    names = {"first": "S1", "first_conf": "S1_conf", "total": "ST", "total_conf": "ST_conf"}
    if second_order:
        names |= {"second": "S2", "second_conf": "S2_conf"}
    else:
        assert ours["second"] is ours["second_conf"] is None
    for name, theirs_name in names.items():
        np.testing.assert_allclose(ours[name], theirs[theirs_name], rtol=0, atol=1e-10, err_msg=name)


def test_resamples_in_which_nothing_varies_count_as_salib_counts_them():
    """With two base points, half of the resamples draw one of them twice."""
    outputs = np.array([0.0, 1, 0, 2, 1, 0, 1, 1, 2, 0, 3, 1])
    theirs = salib_analysis.analyze(problem([0, 1]), outputs, seed=3)
    ours = sobol_indices(outputs, 2, 2, second_order=True, seed=3)
    np.testing.assert_allclose(ours.total_conf, theirs["ST_conf"], atol=1e-10)
    np.testing.assert_allclose(ours.second_conf, theirs["S2_conf"], atol=1e-10)


def test_interactions_are_the_same_however_few_pairs_are_held_at_a_time(monkeypatch):
    groups = list(range(5))
    at_once = study(curved, groups, base=16)
    monkeypatch.setattr(sobol, "_PRODUCTS", 3 * 16)
    in_parts = study(curved, groups, base=16)
    np.testing.assert_allclose(in_parts.second, at_once.second, atol=1e-12)
    np.testing.assert_allclose(in_parts.second_conf, at_once.second_conf, atol=1e-12)


def ishigami_indices(a=7.0, b=0.1):
    """First and total order shares and the interaction of x1 and x3 (Ishigami & Homma 1990)."""
    v1, v2 = (1 + b * np.pi**4 / 5) ** 2 / 2, a**2 / 8
    v13 = b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    total = v1 + v2 + v13
    return np.array([v1, v2, 0]) / total, np.array([v1 + v13, v2, v13]) / total, v13 / total


def assert_within(found, half_width, exact, widths=1.5):
    """Half-widths are those of 95 % (and the points better than the bootstrap of random ones)."""
    assert np.all(np.abs(found - exact) <= widths * half_width + 1e-3), (found, half_width, exact)


def test_ishigami():
    found = study(lambda u: Ishigami.evaluate(np.pi * (2 * u - 1)), [0, 1, 2], base=4096)
    first, total, interaction = ishigami_indices()
    assert_within(found.first, found.first_conf, first)
    assert_within(found.total, found.total_conf, total)
    assert_within(found.second[[0, 0, 1], [1, 2, 2]], found.second_conf[[0, 0, 1], [1, 2, 2]], [0, interaction, 0])
    assert found.total_conf.max() < 0.1


def test_sobol_g_function():
    a = np.array([0, 1, 4.5, 9, 99, 99, 99, 99])
    found = study(Sobol_G.evaluate, list(range(8)), base=1024, second_order=False)
    alone = 1 / (3 * (1 + a) ** 2)
    variance = np.prod(1 + alone) - 1
    assert_within(found.first, found.first_conf, alone / variance)
    assert_within(found.total, found.total_conf, alone * np.prod(1 + alone) / (1 + alone) / variance)
    assert found.first_conf.max() < 0.15


def test_a_linear_model_has_its_closed_form_and_no_interactions():
    slopes = np.array([1.0, -2, 3, 0, 0.5])
    found = study(lambda u: 5 + u @ slopes, list(range(5)), base=2048)
    shares = slopes**2 / (slopes**2).sum()
    np.testing.assert_allclose(found.first, shares, atol=2e-3)
    np.testing.assert_allclose(found.total, shares, atol=2e-3)
    np.testing.assert_allclose(found.second[np.triu_indices(5, 1)], 0, atol=2e-3)
    assert np.isnan(found.second[np.tril_indices(5)]).all()
    assert found.total[3] == 0


def test_a_group_explains_what_its_parameters_explain_together():
    """x0 x1 interact within a group: no interaction is left between the groups."""
    found = study(lambda u: (u[:, 0] - 0.5) * (u[:, 1] - 0.5) + 0.1 * u[:, 2], [0, 0, 1], base=8192)
    product, line = 1 / 144, 0.01 / 12
    exact = np.array([product, line]) / (product + line)
    np.testing.assert_allclose(found.first, exact, atol=5e-3)
    np.testing.assert_allclose(found.total, exact, atol=5e-3)
    assert abs(found.second[0, 1]) < 5e-3


def test_one_group_of_everything_explains_everything():
    found = study(curved, [0, 0, 0], base=256)
    assert found.first == pytest.approx([1], abs=0.02)
    assert found.total == pytest.approx([1], abs=0.02)


@pytest.mark.parametrize("level", [0.0, 0.3, -1e9])
def test_a_constant_output_is_said_to_be_constant(level):
    """Also where its values differ by rounding."""
    outputs = np.full(sobol_rows(8, 3, second_order=True), level)
    outputs[::2] = np.nextafter(level, 1) if level else 0
    found = sobol_indices(outputs, 3, 8, second_order=True, seed=1)
    assert found.constant
    for index in (found.first, found.first_conf, found.total, found.total_conf):
        np.testing.assert_array_equal(index, np.zeros(3))
    np.testing.assert_array_equal(found.second[np.triu_indices(3, 1)], 0)
    assert np.isnan(found.second[np.tril_indices(3)]).all()
    assert not study(curved, [0, 1], base=8).constant


def test_seed_0_is_a_seed():
    first, again = study(curved, [0, 1, 2], base=8, seed=0), study(curved, [0, 1, 2], base=8, seed=0)
    np.testing.assert_array_equal(first.total_conf, again.total_conf)
    assert not np.array_equal(first.total_conf, study(curved, [0, 1, 2], base=8, seed=1).total_conf)


@pytest.mark.parametrize("base", [0, 1, 3, 1000, -4, 2**31])
def test_a_base_that_is_no_power_of_two_is_refused(base):
    with pytest.raises(SensitivityError, match=f"base must be a power of two from 2 to 2.30, not {base}"):
        sobol_sample([0, 1], base, 1, second_order=True)


@pytest.mark.parametrize("groups", [[], [1, 2], [0, 2], [-1, 0]])
def test_groups_that_leave_a_number_out_are_refused(groups):
    with pytest.raises(SensitivityError, match="groups must be numbered 0, 1"):
        sobol_sample(groups, 8, 1, second_order=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outputs": np.zeros(79)}, r"the design has 80 rows, but outputs have the shape \(79,\)"),
        ({"second_order": False}, "the design has 48 rows"),
        ({"outputs": np.where(np.arange(80) == 5, np.nan, 1.0)}, "the output of row 5 is nan"),
        ({"resamples": 1}, "resamples must be at least 2, not 1"),
        ({"confidence": 1.0}, "confidence must lie between 0 and 1, not 1.0"),
    ],
)
def test_outputs_and_settings_that_do_not_fit_are_refused(change, message):
    given = {"outputs": np.arange(80.0), "factors": 4, "base": 8, "second_order": True, "seed": 1} | change
    with pytest.raises(SensitivityError, match=message):
        sobol_indices(**given)
