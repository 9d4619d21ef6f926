"""First years, leads and entropy against closed forms and against counting draw by draw."""

import json
import math

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm

from analysis.engine.clusters import membership
from analysis.engine.paths import parse_passage, path_report
from analysis.engine.simulate import sample_joint, simulate
from analysis.engine.spec import ModelError, parse_model, scenario_codes

INITIAL, PRIOR, SPEED, MIDPOINT = 0.2, 0.8, 0.3, 2035.0


@pytest.fixture
def certain(study):
    """No uncertainty, no influences: H1 goes from 0.2 to 0.8."""
    study["run"] |= {"iterations": 4096, "dtype": "float64"}
    study["settings"]["causal_network"] |= {"model": "independent", "strength_cv": 0.0}
    study["settings"]["evidence"]["model_discrepancy_sd"] = 0.0
    for hypothesis in study["hypotheses"]:
        hypothesis |= {"midpoint_sd": 0.0}
    study["hypotheses"][0] |= {
        "initial_probability": INITIAL,
        "prior_probability": PRIOR,
        "speed": SPEED,
        "midpoint_year": MIDPOINT,
    }
    return study


def gone(year):
    """G(t) of MODEL.md 2 for H1."""
    low, now, high = (1 / (1 + math.exp(-SPEED * (t - MIDPOINT))) for t in (2025, year, 2050))
    return (now - low) / (high - low)


def probability(year):
    return expit(logit(INITIAL) + gone(year) * (logit(PRIOR) - logit(INITIAL)))


def report(data, *texts):
    document = parse_model(data)
    found = path_report(document, [parse_passage(document, text) for text in texts])
    json.dumps(found, allow_nan=False)
    return found


@pytest.mark.parametrize("level", [0.25, 0.4, 0.5, 0.77])
def test_the_first_year_is_that_of_the_closed_form(certain, level):
    expected = next(year for year in range(2025, 2051) if probability(year) >= level)
    rising, falling = report(certain, f"H1=A:{level}", f"H1=B:below:{1 - level}")["passages"]
    for passage in (rising, falling):
        assert passage["mean"]["year"] == expected
        assert passage["draws"] == {"q05": expected, "q50": expected, "q95": expected, "never": 0}
    np.testing.assert_allclose(rising["path"], [probability(year) for year in range(2025, 2051)], atol=1e-12)
    assert rising["mean"]["probability"] == pytest.approx(probability(expected), abs=1e-12)


def test_what_is_reached_at_the_beginning_or_never(certain):
    always, never = report(certain, "H1=A:0.1", "H1=A:0.9")["passages"]
    assert always["mean"]["year"] == always["draws"]["q95"] == 2025
    assert never["mean"] == {"year": None, "probability": None}
    assert never["draws"] == {"q05": None, "q50": None, "q95": None, "never": 1}


def test_quantiles_of_first_years_are_those_of_the_normal_posterior(certain):
    """A draw has passed by year t if theta >= L0 + (logit p - L0) / G(t); theta ~ N(mu, sd)."""
    certain["settings"]["evidence"]["model_discrepancy_sd"] = 1.0
    certain["run"]["iterations"] = 8192
    (passage,) = report(certain, "H1=A:0.55")["passages"]

    def passed(year):
        if year == 2025:
            return 0.0
        start = logit(INITIAL)
        return norm.sf(start + (logit(0.55) - start) / gone(year), loc=logit(PRIOR), scale=1.0)

    for name, share in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
        expected = next((year for year in range(2025, 2051) if passed(year) >= share), None)
        assert passage["draws"][name] == expected
    assert passage["draws"]["q95"] is None
    assert passage["draws"]["never"] == pytest.approx(1 - passed(2050), abs=2e-3)


def test_draws_weigh_as_in_the_end_year_when_something_is_observed(study):
    """Counted draw by draw."""
    study["run"] |= {"iterations": 4096, "observations": [{"hypothesis": "H2", "outcome": "A", "from_year": 2040}]}
    document = parse_model(study)
    texts = ["H6=A:0.45", "cluster:Adaptive Integration:below:0.35"]
    found = report(study, *texts)["passages"]
    joint = sample_joint(document).astype(float)
    codes = scenario_codes(6)
    seen = np.array([code[1] == "A" for code in codes])
    picks = [np.array([code[5] == "A" for code in codes]), membership(document) == 0]
    for passage, pick, sign in zip(found, picks, (1, -1), strict=True):
        years, weights = [], []
        for draw in range(joint.shape[2]):
            path = [
                joint[t, pick & seen, draw].sum() / joint[t, seen, draw].sum()
                if t >= 15
                else joint[t, pick, draw].sum()
                for t in range(26)
            ]
            reached = [2025 + t for t, p in enumerate(path) if sign * p >= sign * passage["level"]]
            years.append(reached[0] if reached else 9999)
            weights.append(joint[25, seen, draw].sum())
        order = np.argsort(years, kind="stable")
        shares = np.cumsum(np.array(weights)[order]) / np.sum(weights)
        for name, share in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
            year = years[order[np.searchsorted(shares, share)]]
            assert passage["draws"][name] == (None if year == 9999 else year)
        never = sum(w for y, w in zip(years, weights, strict=True) if y == 9999) / sum(weights)
        assert passage["draws"]["never"] == pytest.approx(never, abs=1e-9)


def test_progress_goes_to_the_end_and_leaves_every_number_alone(study):
    study["run"]["iterations"] = 8192
    document = parse_model(study)
    seen = []
    assert path_report(document, [], on_progress=seen.append) == path_report(document, [])
    completed = [progress.completed for progress in seen]
    assert completed == sorted(set(completed))
    assert (completed[-1], seen[-1].total) == (8192, 8192)


def test_means_leads_and_entropy_are_those_of_the_result(study):
    document = parse_model(study)
    result = simulate(document)["temporal_evolution"]
    found = report(study, "H4=A:0.5", "cluster:Fragmented Disruption:0.3", "scenario:ABBABB:0.05")
    ours = [
        [entry["hypotheses"]["H4"]["mean"] for entry in result],
        [entry["clusters"]["Fragmented Disruption"] for entry in result],
        [entry["scenarios"]["ABBABB"] for entry in result],
    ]
    for passage, path in zip(found["passages"], ours, strict=True):
        np.testing.assert_allclose(passage["path"], path, rtol=1e-12)
    leads = [entry["most_likely"] for entry in result]
    assert [entry["most_likely"] for entry in found["years"]] == leads
    changes = [(2025 + t, leads[t - 1], leads[t]) for t in range(1, 26) if leads[t] != leads[t - 1]]
    assert changes
    assert [(change["year"], change["from"], change["to"]) for change in found["leading"]] == changes
    entropy = np.array([entry["entropy_bits"] for entry in result])
    assert [entry["entropy_bits"] for entry in found["years"]] == list(entropy)
    rise = np.diff(entropy)
    assert found["entropy"]["largest_rise"] == {"year": 2026 + int(rise.argmax()), "bits": pytest.approx(rise.max())}
    assert found["entropy"]["largest_fall"] == {"year": 2026 + int(rise.argmin()), "bits": pytest.approx(rise.min())}


def test_scenarios_are_those_of_the_reported_hypotheses(study):
    study["run"]["hypotheses"] = ["H1", "H4"]
    (passage,) = report(study, "scenario:AA:0.3")["passages"]
    result = simulate(parse_model(study))["temporal_evolution"]
    np.testing.assert_allclose(passage["path"], [entry["scenarios"]["AA"] for entry in result], rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("H1:0.5", "must look like H1=A:0.5, cluster:NAME:0.4 or scenario:CODE:0.1"),
        ("H1=A:x", "must look like"),
        ("H1=A:0", "the probability must lie between 0 and 1, not 0"),
        ("H1=A:1.5", "the probability must lie between 0 and 1, not 1.5"),
        ("H9=A:0.5", "unknown hypothesis 'H9'; known are H1, H2"),
        ("cluster:Utopia:0.5", "unknown cluster 'Utopia'; known are Adaptive Integration"),
        ("scenario:AB:0.5", "unknown scenario 'AB'; it needs 6 letters"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(study, text, named):
    with pytest.raises(ModelError) as refused:
        parse_passage(parse_model(study), text)
    assert str(refused.value).startswith("passes: ")
    assert named in str(refused.value)


def test_a_cluster_may_be_called_anything(study):
    study["clusters"][0]["name"] = "a: b:below"
    passage = parse_passage(parse_model(study), "cluster:a: b:below:below:0.4")
    assert (passage.subject, passage.direction, passage.level) == ("a: b:below", "below", 0.4)
