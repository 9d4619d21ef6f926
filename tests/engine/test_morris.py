"""Elementary effects against SALib and functions whose effects are known."""

import numpy as np
import pytest
from SALib.analyze import morris as salib_analysis
from SALib.sample import morris as salib_sampling
from SALib.test_functions import Ishigami

from analysis.engine.sensitivity.design import SensitivityError
from analysis.engine.sensitivity.morris import morris_effects, morris_sample


def curved(sample):
    return np.sin(3 * sample).sum(axis=1) + (sample @ np.arange(sample.shape[1])) ** 2


def study(function, groups, trajectories=20, seed=7, **settings):
    sample = morris_sample(groups, trajectories, seed, **settings)
    return morris_effects(sample, function(sample), groups, seed=seed, **settings)


@pytest.mark.parametrize("names", [None, ["a", "b", "a", "c", "b"]])
@pytest.mark.parametrize("levels", [4, 6])
def test_sample_and_effects_are_salibs(names, levels):
    columns = [f"x{column}" for column in range(5)]
    problem = {"num_vars": 5, "names": columns, "bounds": [[0, 1]] * 5, "groups": names}
    groups = [0, 1, 2, 3, 4] if names is None else [0, 1, 0, 2, 1]
    sample = morris_sample(groups, 10, seed=7, levels=levels)
    np.testing.assert_array_equal(sample, salib_sampling.sample(problem, 10, num_levels=levels, seed=7))
    outputs = curved(sample)
    theirs = salib_analysis.analyze(problem, sample, outputs, num_levels=levels, conf_level=0.9, seed=7)
    ours = morris_effects(sample, outputs, groups, levels=levels, confidence=0.9, seed=7)
    for name, values in ours._asdict().items():
        np.testing.assert_array_equal(values, np.ma.filled(theirs[name], np.nan), err_msg=name)


def test_a_linear_function_has_its_slopes_as_effects():
    slopes = np.array([1.0, -2, 3, 0])
    found = study(lambda u: 5 + u @ slopes, [0, 1, 2, 3])
    np.testing.assert_allclose(found.mu, slopes, atol=1e-12)
    np.testing.assert_allclose(found.mu_star, np.abs(slopes), atol=1e-12)
    np.testing.assert_allclose(found.sigma, 0, atol=1e-12)
    np.testing.assert_allclose(found.mu_star_conf, 0, atol=1e-12)


def test_opposite_effects_cancel_in_mu_but_not_in_mu_star():
    """Ishigami's x2 acts both ways, and x1 and x3 interact."""
    found = study(lambda u: Ishigami.evaluate(np.pi * (2 * u - 1)), [0, 1, 2], trajectories=200)
    assert abs(found.mu[1]) < found.mu_star[1] / 4
    assert found.sigma[0] > 1
    assert found.sigma[2] > 1


def test_groups_keep_their_numbers_whatever_parameter_comes_first():
    found = study(lambda u: 4 * u[:, 0] + u[:, 1] + 2 * u[:, 2], [2, 0, 1])
    np.testing.assert_allclose(found.mu_star, [1, 2, 4])
    np.testing.assert_allclose(found.mu, [1, 2, 4])


def test_a_group_moves_together_and_has_no_sigma():
    """x0 and x2 move 2/3 up or down each, so that the output changes by 2/3 or by 2."""
    sample = morris_sample([0, 1, 0], 50, seed=3)
    found = morris_effects(sample, sample @ [1.0, 5, 2], [0, 1, 0], seed=3)
    moves = np.diff(sample.reshape(50, 3, 3), axis=1)
    together = moves[np.abs(moves[:, :, 0]) > 0]
    assert found.mu_star == pytest.approx([np.mean(np.abs(together @ [1.0, 5, 2])) * 1.5, 5])
    assert np.isnan(found.sigma[0])
    assert found.sigma[1] == pytest.approx(0, abs=1e-12)


def test_points_lie_on_the_grid_and_steps_change_one_group():
    sample = morris_sample([0, 1, 2], 10, seed=0)
    np.testing.assert_allclose(sample * 3, np.round(sample * 3), atol=1e-12)
    assert sample.shape == (40, 3)
    moves = np.diff(sample.reshape(10, 4, 3), axis=1)
    np.testing.assert_array_equal((np.abs(moves) > 1e-9).sum(axis=2), 1)


def test_seed_0_is_a_seed():
    first, again, other = (study(curved, [0, 1, 2], seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.mu_star_conf, again.mu_star_conf)
    assert not np.array_equal(first.mu_star_conf, other.mu_star_conf)


def test_a_constant_output_has_no_effects():
    found = study(lambda u: np.full(len(u), 0.3), [0, 1])
    for values in found:
        np.testing.assert_array_equal(values, [0, 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trajectories": 1}, "trajectories must be at least 2, not 1"),
        ({"levels": 5}, "levels must be an even number from 2 on, not 5"),
        ({"levels": 0}, "levels must be an even number from 2 on, not 0"),
        ({"groups": [0, 2]}, "groups must be numbered"),
    ],
)
def test_designs_that_cannot_be_drawn_are_refused(change, message):
    with pytest.raises(SensitivityError, match=message):
        morris_sample(**({"groups": [0, 1], "trajectories": 4, "seed": 1} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outputs": np.zeros(11)}, "the design has 12 rows"),
        ({"outputs": np.full(12, np.inf)}, "the output of row 0 is inf"),
        ({"groups": [0, 1]}, "the sample has 3 parameters"),
        ({"groups": [0, 0, 0, 0]}, "the sample has 3 parameters"),
        ({"groups": [0, 1, 2], "sample": np.zeros((11, 3)), "outputs": np.zeros(11)}, "trajectories of 4 points"),
        ({"resamples": 1}, "resamples must be at least 2"),
        ({"confidence": 0.0}, "confidence must lie between 0 and 1"),
        ({"levels": 3}, "levels must be an even number"),
    ],
)
def test_outputs_and_settings_that_do_not_fit_are_refused(change, message):
    given = {"sample": morris_sample([0, 1, 2], 3, 1), "outputs": np.zeros(12), "groups": [0, 1, 2], "seed": 1}
    with pytest.raises(SensitivityError, match=message):
        morris_effects(**(given | change))
