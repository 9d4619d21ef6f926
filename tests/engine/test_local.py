"""Derivatives, elasticities and swings against calculus."""

import numpy as np
import pytest

from analysis.engine.sensitivity.design import SensitivityError
from analysis.engine.sensitivity.local import STEP, local_effects, local_values

NOMINAL, LOW, HIGH = np.array([1.0, 2050, -0.5]), np.array([0.2, 2030, -1.0]), np.array([3.0, 2090, 0.5])


def study(function, nominal=NOMINAL, low=LOW, high=HIGH):
    values = local_values(nominal, low, high)
    return local_effects(function(values), nominal, low, high)


def test_values_move_one_parameter_each():
    values = local_values(NOMINAL, LOW, HIGH)
    assert values.shape == (13, 3)
    np.testing.assert_array_equal(values[0], NOMINAL)
    np.testing.assert_array_equal((values[1:] != NOMINAL).sum(axis=1), 1)
    below, above, low, high = (values[1 + 3 * block : 4 + 3 * block].diagonal() for block in range(4))
    np.testing.assert_allclose(NOMINAL - below, STEP * (HIGH - LOW), rtol=1e-8)
    np.testing.assert_allclose(above - NOMINAL, STEP * (HIGH - LOW), rtol=1e-8)
    np.testing.assert_array_equal([low, high], [LOW, HIGH])


def test_the_derivative_of_a_cubic_is_right_up_to_truncation():
    """The central difference of x^3 is 3 x^2 + h^2."""
    found = study(lambda x: ((x - [0, 2049, 0]) ** 3).sum(axis=1))
    step = STEP * (HIGH - LOW)
    exact = 3 * (NOMINAL - [0, 2049, 0]) ** 2
    np.testing.assert_allclose(found.derivative - exact, step**2, atol=1e-9)
    assert np.all(np.abs(found.derivative - exact) <= 1.01 * step**2 + 1e-9)


def test_elasticity_of_a_power_is_its_exponent():
    found = study(lambda x: 3 * x[:, 0] ** 2.5 / x[:, 1] * np.exp(x[:, 2]))
    np.testing.assert_allclose(found.elasticity, [2.5, -1, NOMINAL[2]], rtol=1e-6)


def test_swings_go_from_the_low_to_the_high_value():
    found = study(lambda x: x[:, 0] ** 2 - x[:, 2])
    output = 1.0**2 + 0.5
    assert found.output == output
    np.testing.assert_allclose(found.swing_low, [0.2**2 + 0.5, output, 1 + 1.0])
    np.testing.assert_allclose(found.swing_high, [3.0**2 + 0.5, output, 1 - 0.5])
    np.testing.assert_allclose(found.swing, [8.96, 0, -1.5])


def test_a_parameter_without_range_is_said_to_be_fixed():
    found = study(lambda x: x.sum(axis=1), low=[1, 2030, -1], high=[1, 2090, 0.5])
    np.testing.assert_array_equal(found.fixed, [True, False, False])
    np.testing.assert_allclose(found.derivative, [0, 1, 1], rtol=1e-6)
    assert (found.elasticity[0], found.swing[0]) == (0, 0)


def test_elasticity_is_not_a_number_where_nothing_is_relative():
    found = study(lambda x: 1 + x.sum(axis=1), nominal=[0, 2050, 0.25], low=[-1, 2030, 0], high=[1, 2090, 1])
    assert np.isnan(found.elasticity).tolist() == [True, False, False]
    found = study(lambda x: x[:, 0] - 1)
    assert found.output == 0
    assert np.isnan(found.elasticity).all()


def test_steps_stay_within_the_range():
    """At the range's ends the difference is one-sided: of x^2 in error by the step."""
    nominal, low, high = [0.0, 1.0], [0.0, 0.0], [1.0, 1.0]
    values = local_values(nominal, low, high)
    assert values.min() == 0
    assert values.max() == 1
    found = local_effects((values**2).sum(axis=1), nominal, low, high)
    np.testing.assert_allclose(found.derivative, [STEP, 2 - STEP], atol=1e-10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nominal": [0.1, 2050, -0.5]}, "parameter 0: nominal 0.1 must lie in a finite range, not 0.2 to 3.0"),
        ({"low": [0.2, 2100, -1]}, "parameter 1: nominal 2050.0"),
        ({"high": [3, 2090, np.inf]}, "parameter 2"),
        ({"nominal": [1, np.nan, -0.5]}, "parameter 1: nominal nan"),
        ({"low": [0.2, 2030]}, r"shapes \(3,\), \(2,\) and \(3,\)"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(change, message):
    given = {"nominal": NOMINAL, "low": LOW, "high": HIGH} | change
    with pytest.raises(SensitivityError, match=message):
        local_values(**given)
    with pytest.raises(SensitivityError, match=message):
        local_effects(np.zeros(13), **given)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [(np.zeros(12), "the design has 13 rows"), (np.full(13, np.nan), "the output of row 0 is nan")],
)
def test_outputs_that_do_not_fit_are_refused(outputs, message):
    with pytest.raises(SensitivityError, match=message):
        local_effects(outputs, NOMINAL, LOW, HIGH)
