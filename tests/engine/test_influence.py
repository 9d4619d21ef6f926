"""Leave-one-out effects against the model without the evidence, computed by itself."""

import copy

import pytest

from analysis.engine.influence import evidence_influence
from analysis.engine.simulate import simulate
from analysis.engine.spec import ModelError, parse_model
from tests.oracle.documents import document_from_seed

SIZES = {"hypotheses": 4, "years": 12, "influences": 6, "items": 20}


@pytest.fixture
def model():
    raw = document_from_seed(11, **SIZES, model="dependency_network", interventions=0, observations=1)
    raw["run"] |= {"evidence_filter": {"quality_min": None, "sources": [], "hypothesis": None}, "sampler": "sobol"}
    raw["settings"]["evidence"] |= {"quality_threshold": 0.3005, "log_bayes_factor_scale": 2.3}
    return raw


def means(raw):
    result = simulate(parse_model(raw))
    year = result["metadata"]["target_year"]
    then = next(entry for entry in result["temporal_evolution"] if entry["year"] == year)
    return {code: found["mean"] for code, found in then["hypotheses"].items()}


@pytest.mark.parametrize(
    ("kind", "belongs"),
    [
        ("item", lambda entry, item: item["id"] == entry["id"]),
        ("source", lambda entry, item: item["source"] == entry["id"]),
        ("group", lambda entry, item: item["dependency_group"] == entry["id"]),
    ],
)
def test_an_effect_is_the_difference_to_the_model_without_it(model, kind, belongs):
    found = evidence_influence(parse_model(model))
    before = means(model)
    assert found["base"]["hypotheses"] == pytest.approx(before)
    for entry in found[f"{kind}s"][:2]:
        without = copy.deepcopy(model)
        without["evidence"] = [item for item in model["evidence"] if not belongs(entry, item)]
        after = means(without)
        for code, change in entry["hypotheses"].items():
            assert change["without"] == pytest.approx(after[code], abs=1e-12)
            assert change["change"] == pytest.approx(after[code] - before[code], abs=1e-12)


def test_every_item_source_and_group_is_there_once_the_strongest_first(model):
    found = evidence_influence(parse_model(model), "hypothesis:H2")
    out = {entry["id"] for entry in found["left_out_already"]}
    assert out  # some items do not count, for their age or quality
    assert {entry["id"] for entry in found["items"]} == {item["id"] for item in model["evidence"]} - out
    for kind in ("items", "sources", "groups"):
        sizes = [abs(entry["output"]["change"]) for entry in found[kind]]
        assert sizes == sorted(sizes, reverse=True)
        assert len({entry["id"] for entry in found[kind]}) == len(sizes)


def test_the_sign_and_the_words_say_what_the_evidence_speaks_for(study):
    item = {
        "id": "e1",
        "hypothesis": "H1",
        "direction": "B",
        "strength": 0.8,
        "quality_scores": {"authority": 0.9, "methodology": 0.9, "recency": 0.9, "replication": 0.5},
        "publication_date": "2025-06-01",
        "dependency_group": "",
        "source": "one",
    }
    study["hypotheses"][0]["prior_probability"] = 0.6
    study["evidence"] = [item, item | {"id": "e2", "strength": 0.1, "source": "two"}]
    found = evidence_influence(parse_model(study))
    strongest = found["items"][0]
    assert strongest["id"] == "e1"
    assert strongest["log_odds"]["H1"] > 0  # without evidence for B, A is likelier
    assert strongest["hypotheses"]["H1"]["change"] > 0
    outcome = study["hypotheses"][0]["outcome_b"]
    assert strongest["words"][0].startswith(f"speaks for {outcome}: without it")
    assert found["hypotheses"]["H1"]["hangs_on_one_source"]
    assert found["hypotheses"]["H1"]["turns"]
    assert found["hypotheses"]["H1"]["source"] == "one"
    assert found["hypotheses"]["H2"] == {
        "source": None,
        "share": 0.0,
        "turns": False,
        "hangs_on_one_source": False,
    }


def test_rare_observations_weigh_the_draws_as_a_run_does(study):
    """Pseudo-random draws, wide beliefs and what is seldom observed: replicates differ, and only sums tell the mean."""
    study["settings"]["evidence"]["model_discrepancy_sd"] = 2.0
    study["run"] |= {
        "iterations": 4096,
        "sampler": "pseudo",
        "observations": [{"hypothesis": f"H{k}", "outcome": "B", "from_year": 2040} for k in (1, 2, 3)],
    }
    found = evidence_influence(parse_model(study))
    expected = means(study)
    for code in ("H4", "H5", "H6"):
        assert found["base"]["hypotheses"][code] == pytest.approx(expected[code], abs=1e-12)


def test_a_run_that_reports_some_hypotheses_tells_of_those(study):
    study["run"]["hypotheses"] = ["H2", "H5"]
    found = evidence_influence(parse_model(study))
    assert list(found["base"]["hypotheses"]) == list(found["hypotheses"]) == ["H2", "H5"]


def test_a_hypothesis_hangs_on_a_source_that_turns_it_though_another_moves_it_more(study):
    def item(name, direction, strength):
        return {
            "id": name,
            "hypothesis": "H1",
            "direction": direction,
            "strength": strength,
            "quality_scores": {"authority": 1.0, "methodology": 1.0, "recency": 1.0, "replication": 0.0},
            "publication_date": "2025-06-01",
            "dependency_group": "",
            "source": name,
        }

    study["settings"]["evidence"]["between_group_correlation"] = 0.0
    study["hypotheses"][0]["prior_probability"] = 0.5
    study["evidence"] = [item("x", "B", 0.6), item("y", "A", 0.35), item("z", "A", 0.35)]
    found = evidence_influence(parse_model(study))
    assert found["sources"][0]["id"] == "x"  # moves it most, to the side on which it is already
    assert found["hypotheses"]["H1"]["source"] in {"y", "z"}
    assert found["hypotheses"]["H1"]["turns"]


def test_an_unknown_output_is_named(study):
    with pytest.raises(ModelError, match="output: unknown hypothesis 'H9'"):
        evidence_influence(parse_model(study), "hypothesis:H9")
