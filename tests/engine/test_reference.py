"""The plain NumPy reference gives what the compiled engine gives (MODEL.md 4)."""

import re

import numpy as np
import pytest

from analysis.engine.reference import MAX_ITERATIONS, philox_words
from analysis.engine.sampling import BLOCK, draw_pseudo
from analysis.engine.simulate import simulate
from analysis.engine.spec import ModelError, parse_model, with_run
from tests.oracle.documents import document_from_seed

FEEDBACK = {"model": "dependency_network", "feedback_loops": True}
CASES = {
    "pairs": (37, 4, FEEDBACK | {"influences": 7}),
    "a loop of three, unsettled": (39, 3, FEEDBACK | {"influences": 6}),
    "a loop of four, cut by interventions": (19, 4, FEEDBACK | {"influences": 7}),
    "a loop with parents, centred": (17, 5, FEEDBACK | {"influences": 8}),
    "acyclic, observed": (2, 5, {"model": "bayesian_network", "interventions": 1, "observations": 1}),
    "log-linear": (3, 3, {"model": "log_linear", "interventions": 2, "influences": 10, "centred": False}),
    "log-linear, observed": (4, 4, {"model": "log_linear", "influences": 10, "centred": True, "observations": 1}),
    "independent": (5, 5, {"model": "independent", "observations": 2}),
}
"""Name: seed, hypotheses and other choices of a random document."""


def leaves(value, path=""):
    """Every number and word of a result, by its path."""
    if isinstance(value, dict):
        value = value.items()
    elif isinstance(value, list):
        value = enumerate(value)
    else:
        return {path: value}
    return {name: leaf for key, part in value for name, leaf in leaves(part, f"{path}/{key}").items()}


def compared(result):
    """Leaves of a result but for times, and for the dendrogram, which follows from the rest up to ties."""
    return {
        name: leaf for name, leaf in leaves(result).items() if not re.match("/computation_time|/clusters/den", name)
    }


def assert_same(document):
    compiled, reference = (compared(simulate(document, jit=jit, threads=1)) for jit in (True, False))
    assert compiled.pop("/metadata/backend") == "local"
    assert reference.pop("/metadata/backend") == "reference"
    numbers = [name for name, leaf in compiled.items() if isinstance(leaf, float)]
    found, expected = ([result.pop(name) for name in numbers] for result in (reference, compiled))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert reference == compiled


@pytest.mark.parametrize(("seed", "hypotheses", "choices"), list(CASES.values()), ids=list(CASES))
def test_it_agrees_with_the_compiled_engine(seed, hypotheses, choices):
    assert_same(parse_model(document_from_seed(seed, hypotheses=hypotheses, years=5, **choices)))


@pytest.mark.parametrize("sampler", ["sobol", "pseudo"])
def test_it_agrees_on_the_published_study(study, sampler):
    assert_same(with_run(parse_model(study), sampler=sampler, dtype="float64", hypotheses=["H2", "H5"]))


def test_it_runs_in_float64_whatever_the_run_asks_for(study):
    study["run"]["iterations"] = 4096
    result = simulate(parse_model(study), jit=False)
    assert result["metadata"]["dtype"] == "float64"
    assert result["metadata"]["input_hash"] == simulate(parse_model(study))["metadata"]["input_hash"]


@pytest.mark.parametrize("iteration", [0, 2**32 - 100, 2**40])
def test_its_philox_is_that_of_the_kernel(iteration):
    words = np.empty((12, BLOCK), dtype=np.uint32)
    draw_pseudo(iteration, np.uint64(2**53 - 1), words)
    np.testing.assert_array_equal(philox_words(2**53 - 1, iteration, 10), words[:10])


def test_it_refuses_more_than_it_can_do_in_reasonable_time(study):
    study["run"]["iterations"] = MAX_ITERATIONS + 1
    with pytest.raises(ModelError, match=r"run.iterations: .* at most 100,000, not 100,001"):
        simulate(parse_model(study), jit=False)
