"""Changed inputs: what they become in the document, what is refused, and what leaves no trace."""

import hashlib
import json
import math

import pytest
import rfc8785

from analysis.engine.overrides import with_overrides
from analysis.engine.posterior import posteriors
from analysis.engine.simulate import simulate
from analysis.engine.spec import ModelError, input_hash, parse_model
from tests.engine.conftest import STUDY
from tests.oracle import enumeration

ITEM = {
    "id": "e1",
    "hypothesis": "H1",
    "direction": "A",
    "strength": 0.8,
    "quality_scores": {"authority": 0.9, "methodology": 0.8, "recency": None, "replication": 0.5},
    "publication_date": "2025-06-01",
    "dependency_group": "",
}
CHOSEN = {
    "priors": {"H2": 0.3},
    "posteriors": {"H1": 0.7},
    "strengths": {"H2A>H4B": 0.5},
    "midpoints": {"H3": 2035},
    "strength_multiplier": 1.2,
}


def test_every_kind_of_override_lands_where_it_belongs_and_nowhere_else(study):
    expected = parse_model(study).to_json()
    expected["hypotheses"][0]["posterior_probability"] = 0.7
    expected["hypotheses"][1]["prior_probability"] = 0.3
    expected["hypotheses"][2]["midpoint_year"] = 2035.0
    [index] = [i for i, e in enumerate(parse_model(study).influences) if e.key == "H2A>H4B"]
    expected["influences"][index]["strength"] = 0.5
    expected["settings"]["causal_network"]["strength_multiplier"] = 1.2
    assert with_overrides(parse_model(study), CHOSEN).to_json() == expected


def test_the_changed_model_is_a_document_like_any_other(study):
    changed = with_overrides(parse_model(study), CHOSEN)
    again = parse_model(json.dumps(changed.to_json()))
    assert again == changed
    assert input_hash(again) == input_hash(changed) != input_hash(parse_model(study))


def test_no_override_changes_nothing(study):
    document = parse_model(study)
    assert with_overrides(document, {}) == document


def test_a_document_without_a_posterior_keeps_its_text_and_its_hash():
    assert "posterior_probability" not in json.dumps(parse_model(STUDY).to_json())
    numbers = json.loads(json.dumps(STUDY))
    del numbers["name"]
    for hypothesis in numbers["hypotheses"]:
        for words in ("label", "outcome_a", "outcome_b"):
            del hypothesis[words]
    for influence in numbers["influences"]:
        influence.pop("description", None)
    numbers["run"]["target_year"] = numbers["end_year"]
    numbers["run"]["hypotheses"] = [hypothesis["code"] for hypothesis in numbers["hypotheses"]]
    assert input_hash(parse_model(STUDY)) == hashlib.sha256(rfc8785.dumps(numbers)).hexdigest()


def test_a_posterior_moves_mu_and_keeps_the_uncertainty_of_the_evidence(study):
    study["evidence"] = [ITEM]
    before, *others = posteriors(parse_model(study))
    changed = with_overrides(parse_model(study), {"posteriors": {"H1": 0.7}})
    after, *same = posteriors(changed)
    assert after.mu == pytest.approx(math.log(0.7 / 0.3), abs=1e-15)
    assert (after.sd, after.used, after.prior) == (before.sd, before.used, before.prior)
    assert same == others
    mu, sd = enumeration.posterior(study)[0]
    assert before.mu == pytest.approx(mu)
    assert after.sd == pytest.approx(sd)


def test_the_compiled_engine_and_the_reference_agree_on_a_given_posterior(study):
    study["run"] |= {"iterations": 4096, "dtype": "float64"}
    changed = with_overrides(parse_model(study), CHOSEN)
    fast, plain = simulate(changed), simulate(changed, jit=False)
    assert fast["scenario_probabilities"] == pytest.approx(plain["scenario_probabilities"], abs=1e-12)


def test_a_given_posterior_is_the_prior_that_leads_to_it_where_there_is_no_evidence(study):
    document = parse_model(study)
    given = simulate(with_overrides(document, {"posteriors": {"H1": 0.6}}))
    moved = simulate(with_overrides(document, {"priors": {"H1": 0.6}}))
    assert given["scenario_probabilities"] == moved["scenario_probabilities"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"priors": {"H9": 0.5}},
            "overrides.priors.H9: unknown hypothesis; known are H1, H2, H3, H4, H5, H6",
        ),
        ({"posteriors": {"": 0.5}}, "overrides.posteriors.'': unknown hypothesis; known are H1, H2, H3, H4, H5, H6"),
        ({"strengths": {"H1A>H9B": 0.5}}, "overrides.strengths.H1A>H9B: unknown influence; known are "),
        ({"posteriors": {"H1": 1}}, "overrides.posteriors.H1: should be less than 1, not 1"),
        ({"priors": {"H1": 0.0}}, "overrides.priors.H1: should be greater than 0, not 0.0"),
        ({"priors": {"H1": "0.5"}}, "overrides.priors.H1: should be a valid number, not '0.5'"),
        ({"strengths": {"H2A>H4B": 1.5}}, "overrides.strengths.H2A>H4B: should be less than or equal to 1, not 1.5"),
        ({"midpoints": {"H1": 2101}}, "overrides.midpoints.H1: must lie in 1975 to 2100, not 2101"),
        ({"midpoints": {"H1": math.nan}}, "overrides.midpoints.H1: must be a finite number"),
        ({"strength_multiplier": -1}, "overrides.strength_multiplier: should be greater than or equal to 0, not -1"),
        ({"prior": {"H1": 0.5}}, "overrides.prior: unknown key"),
        ({"priors": {"H1": 0.5}, "posteriors": {"H1": 0.5}}, "overrides.priors.H1: has no effect"),
        ([], "overrides: should be a valid dictionary"),
    ],
)
def test_a_wrong_override_is_named_by_its_path(study, overrides, message):
    with pytest.raises(ModelError) as caught:
        with_overrides(parse_model(study), overrides)
    assert str(caught.value).startswith(message)


def test_every_wrong_override_is_named(study):
    with pytest.raises(ModelError) as caught:
        with_overrides(parse_model(study), {"priors": {"H7": 0.5, "H8": 0.5}, "midpoints": {"H1": 1900}})
    assert [fault.path for fault in caught.value.faults] == [
        "overrides.priors.H7",
        "overrides.priors.H8",
        "overrides.midpoints.H1",
    ]


def test_a_prior_under_a_posterior_that_the_model_gives_is_refused(study):
    study["hypotheses"][0]["posterior_probability"] = 0.8
    with pytest.raises(ModelError, match=r"overrides\.priors\.H1: has no effect: the posterior of H1 is given"):
        with_overrides(parse_model(study), {"priors": {"H1": 0.5}})
