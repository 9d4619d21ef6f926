"""What-if: the numbers of a run of the changed model, and what the change does."""

import pytest

from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.overrides import with_overrides
from analysis.engine.simulate import simulate
from analysis.engine.spec import ModelError, parse_model, with_run
from analysis.engine.what_if import what_if, what_if_document

CHOSEN = {"priors": {"H2": 0.3}, "posteriors": {"H1": 0.7}, "strengths": {"H2A>H4B": 0.5}, "midpoints": {"H3": 2035}}
DO = {"hypothesis": "H5", "outcome": "A", "from_year": 2030}
GIVEN = {"hypothesis": "H2", "outcome": "A", "from_year": 2035}


def run_of(document, **choices):
    return simulate(with_run(document, iterations=4096, dtype="float64", sampler="sobol", **choices))


def test_the_numbers_are_those_of_a_run_of_the_changed_model(study):
    study["run"] |= {"dtype": "float32", "sampler": "pseudo", "stop_when_converged": True}
    document = parse_model(study)
    found = what_if(document, overrides=CHOSEN, interventions=[DO], observations=[GIVEN])
    changed = with_overrides(document, CHOSEN)
    run = run_of(changed, interventions=[DO], observations=[GIVEN], stop_when_converged=False)
    for part in ("scenario_probabilities", "scenario_intervals", "hypothesis_intervals"):
        assert found[part] == run[part]
    assert found["clusters"] == run["clusters"]["named"]
    for entry, expected in zip(found["temporal_evolution"], run["temporal_evolution"], strict=True):
        del expected["intervals"]
        assert entry == expected
    assert found["metadata"]["dtype"] == "float64"
    assert found["metadata"]["input_hash"] == run["metadata"]["input_hash"]


def test_what_is_not_changed_stays_as_the_document_has_it(study):
    study["run"]["interventions"] = [DO]
    document = parse_model(study)
    assert what_if(document)["temporal_evolution"][-1]["hypotheses"]["H5"]["mean"] == pytest.approx(1)
    assert what_if(document, interventions=[])["temporal_evolution"][-1]["hypotheses"]["H5"]["mean"] < 0.5


def test_without_compiled_code_the_reference_answers(study):
    study["end_year"] = study["run"]["target_year"] = 2028
    document = parse_model(study)
    fast, plain = (what_if(document, overrides=CHOSEN, jit=jit) for jit in (True, False))
    assert plain["metadata"]["backend"] == "reference"
    for part in ("scenarios", "hypotheses", "clusters"):
        assert plain["base"][part] == pytest.approx(fast["base"][part], abs=1e-12)
        assert plain["change"][part] == pytest.approx(fast["change"][part], abs=1e-12)


def test_nothing_changed_is_no_change(study):
    change = what_if(parse_model(study))["change"]
    for part in ("scenarios", "hypotheses", "clusters"):
        assert set(change[part].values()) == {0.0}
    assert change["entropy_bits"] == 0


def test_the_change_is_the_difference_of_two_runs_at_the_target_year(study):
    study["run"]["target_year"] = 2040
    document = parse_model(study)
    found = what_if(document, overrides={"posteriors": {"H2": 0.9}}, interventions=[DO])
    before, after = run_of(document), run_of(with_overrides(document, {"posteriors": {"H2": 0.9}}), interventions=[DO])
    old, new = (result["temporal_evolution"][2040 - 2025] for result in (before, after))
    for code, change in found["change"]["hypotheses"].items():
        assert change == pytest.approx(new["hypotheses"][code]["mean"] - old["hypotheses"][code]["mean"], abs=1e-15)
    for part in ("scenarios", "clusters"):
        for name, change in found["change"][part].items():
            assert change == pytest.approx(new[part][name] - old[part][name], abs=1e-15)
    assert found["change"]["entropy_bits"] == pytest.approx(new["entropy_bits"] - old["entropy_bits"], abs=1e-14)
    assert found["base"]["most_likely"] == old["most_likely"]
    assert found["base"]["hypotheses"] == {code: entry["mean"] for code, entry in old["hypotheses"].items()}


def test_the_document_behind_an_answer_can_be_run_again(study):
    document = parse_model(study)
    behind = what_if_document(document, overrides=CHOSEN, interventions=[DO])
    again = simulate(parse_model(behind.to_json()))
    found = what_if(document, overrides=CHOSEN, interventions=[DO])
    assert again["scenario_probabilities"] == found["scenario_probabilities"]
    assert again["metadata"]["input_hash"] == found["metadata"]["input_hash"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"overrides": {"priors": {"H9": 0.5}}}, r"^overrides\.priors\.H9: unknown hypothesis"),
        ({"interventions": [DO | {"from_year": 2060}]}, r"^run\.interventions\[0\]\.from_year: must lie in 2025 to"),
        ({"observations": [GIVEN, GIVEN]}, r"^run\.observations\[1\]\.hypothesis: the same hypothesis twice"),
        ({"iterations": 0}, r"^run\.iterations: should be greater than or equal to 1"),
    ],
)
def test_bad_input_is_named(study, changes, message):
    with pytest.raises(ModelError, match=message):
        what_if(parse_model(study), **changes)


def test_an_impossible_observation_is_refused(study):
    done = DO | {"hypothesis": "H2", "outcome": "B", "from_year": 2030}
    with pytest.raises(ImpossibleObservation, match="2035"):
        what_if(parse_model(study), interventions=[done], observations=[GIVEN])


def test_a_model_that_allows_few_iterations_is_answered_with_those(study):
    study["settings"]["monte_carlo"]["max_iterations"] = study["run"]["iterations"] = 1000
    answer = what_if(parse_model(study), overrides={"priors": {"H1": 0.5}})
    assert answer["metadata"]["iterations"] == 4096  # a whole round
