"""The exact joint against the slow enumeration, over random models (MODEL.md 2, 3 and 9)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.engine.estimate import ImpossibleObservation, conditional, reporting
from analysis.engine.kernel import run_nominal
from analysis.engine.program import compile_program
from analysis.engine.simulate import simulate
from analysis.engine.spec import parse_model
from tests.oracle.documents import document_from_seed, documents
from tests.oracle.enumeration import closed_form

TOLERANCE = {"float32": 2e-6, "float64": 1e-9}


def nominal(data):
    """The engine's joint [T, S] without uncertainty, given the observations; None if they cannot happen."""
    document = parse_model(data)
    program = compile_program(document)
    joint = np.empty((len(document.years), 2 ** len(document.codes)), dtype=program.mu.dtype)
    run_nominal(program, joint)
    try:
        return conditional(joint.astype(float), reporting(document), document.base_year)
    except ImpossibleObservation:
        return None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(document=documents(years=st.integers(2, 76), hypotheses=st.integers(2, 6)))
def test_random_models_agree_with_the_enumeration(dtype, document):
    document["run"]["dtype"] = dtype
    found = nominal(document)
    if found is None:
        with pytest.raises(ValueError, match="probability 0"):
            closed_form(document)
    else:
        np.testing.assert_allclose(found, closed_form(document), rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("model", ["dependency_network", "log_linear"])
def test_eight_hypotheses_over_76_years_agree_with_the_enumeration(dtype, model):
    document = document_from_seed(8, hypotheses=8, years=76, influences=24, model=model, observations=0)
    document["run"]["dtype"] = dtype
    years = [document["base_year"], document["base_year"] + 40, document["end_year"]]
    rows = [year - document["base_year"] for year in years]
    np.testing.assert_allclose(nominal(document)[rows], closed_form(document, years), rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("speed", [1e-9, 0.35, 5.0])
@pytest.mark.parametrize("midpoint", [1975, 2025, 2100])
@pytest.mark.parametrize("probability", [1e-60, 1e-12, 1 - 1e-12])
def test_extreme_timelines_and_probabilities_stay_finite_and_right(study, dtype, speed, midpoint, probability):
    study["run"]["dtype"] = dtype
    for hypothesis in study["hypotheses"]:
        hypothesis.update(speed=speed, midpoint_year=midpoint, prior_probability=probability)
    found = nominal(study)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, closed_form(study), rtol=0, atol=TOLERANCE[dtype])


def test_an_observation_that_cannot_happen_is_refused(study):
    study["run"]["interventions"] = [{"hypothesis": "H5", "outcome": "A", "from_year": 2030}]
    study["run"]["observations"] = [{"hypothesis": "H5", "outcome": "B", "from_year": 2040}]
    assert nominal(study) is None


@pytest.mark.parametrize("model", ["dependency_network", "log_linear"])
@pytest.mark.parametrize("prior", [1e-9, 1e-20, 1e-60])
def test_what_is_observed_may_be_as_rare_as_it_likes(study, model, prior):
    study["settings"]["causal_network"]["model"] = model
    study["run"]["observations"] = [
        {"hypothesis": code, "outcome": "A", "from_year": 2050} for code in ("H1", "H2", "H3")
    ]
    for hypothesis in study["hypotheses"][:3]:
        hypothesis["prior_probability"] = prior
    np.testing.assert_allclose(nominal(study)[-1], closed_form(study, [2050])[0], rtol=1e-9, atol=1e-12)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(document=documents(years=st.integers(2, 5), hypotheses=st.integers(7, 8), observations=st.just(0)))
def test_random_large_models_agree_with_the_enumeration(document):
    document["run"]["dtype"] = "float64"
    np.testing.assert_allclose(nominal(document), closed_form(document), rtol=0, atol=TOLERANCE["float64"])


def test_a_stopping_rule_finer_than_float32_still_comes_to_rest():
    data = document_from_seed(8, hypotheses=6, years=3, influences=24, model="dependency_network", feedback_loops=True)
    data["settings"]["causal_network"] |= {"convergence_epsilon": 1e-60, "max_iterations": 1000}
    data["run"] |= {"dtype": "float32", "iterations": 1, "observations": [], "hypotheses": None}
    sweeps = simulate(parse_model(data))["metadata"]["sweeps"]
    assert sweeps["converged"]
    assert 1 < sweeps["max"] < 100
