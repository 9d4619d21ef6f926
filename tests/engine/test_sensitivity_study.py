"""Studies of the model: its inputs, its outputs, and the numbers against brute force, closed forms and the oracle."""

import copy

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import entropy, norm

from analysis.engine.sensitivity.evaluate import Evaluator
from analysis.engine.sensitivity.outputs import parse_output
from analysis.engine.sensitivity.parameters import ParameterSpace, all_parameters
from analysis.engine.sensitivity.request import design_of, parse_request, study_hash
from analysis.engine.sensitivity.study import sensitivity_study
from analysis.engine.simulate import simulate
from analysis.engine.spec import ModelError, parse_model, with_run
from analysis.engine.stopping import Stopped
from tests.oracle import enumeration
from tests.oracle.documents import MODELS, document_from_seed

SIZES = {"hypotheses": 4, "years": 12, "influences": 9, "items": 14}


def run_study(document, **request):
    parsed = parse_model(document)
    return sensitivity_study(parsed, parse_request(parsed, request))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sample_is_evaluated_as_the_oracle_would(model, seed):
    raw = document_from_seed(seed, **SIZES, model=model, interventions=seed - 1, observations=0)
    document = parse_model(raw)
    evaluator = Evaluator(document)
    rng, n = np.random.default_rng(seed), 4
    theta, midpoint = rng.normal(0, 2, (n, 7)), rng.normal(6, 3, (n, 7))
    strengths = rng.uniform(0, 1, (len(document.influences), 7))
    multiplier = document.settings.causal_network.strength_multiplier
    for year in (document.base_year, document.base_year + 5, document.end_year):
        joint = evaluator.joint(np.concatenate([theta, midpoint, multiplier * strengths]), year)
        for k in range(7):
            expected = enumeration.joint(raw, theta[:, k], midpoint[:, k] + document.base_year, strengths[:, k], year)
            np.testing.assert_allclose(joint[:, k], expected, atol=1e-12)


def test_a_runs_own_draws_give_its_own_means(study):
    document = with_run(parse_model(study), iterations=4096, dtype="float64")
    evaluator = Evaluator(document)
    joint = evaluator.joint(evaluator.drawn(evaluator.normals()), 2040)
    result = simulate(document)
    then = next(entry for entry in result["temporal_evolution"] if entry["year"] == 2040)
    np.testing.assert_allclose(joint.mean(axis=1), list(then["scenarios"].values()), rtol=1e-12)


def changed(document, name, value):
    """The document with a parameter's value written into it by hand."""
    data = document.to_json()
    kind, _, subject = name.partition(":")
    hypotheses = {entry["code"]: entry for entry in data["hypotheses"]}
    if kind == "prior":
        hypotheses[subject]["prior_probability"] = value
    elif kind == "posterior":
        hypotheses[subject]["posterior_probability"] = value
    elif kind == "midpoint":
        hypotheses[subject]["midpoint_year"] = value
    elif kind == "influence":
        keys = [influence.key for influence in document.influences]
        data["influences"][keys.index(subject)]["strength"] = value
    elif kind == "strength_multiplier":
        data["settings"]["causal_network"]["strength_multiplier"] = value
    else:
        settings = data["settings"]["evidence"]
        settings[f"{subject}_weight"] = value
        names = [f"{aspect}_weight" for aspect in ("authority", "methodology", "recency", "replication")]
        total = sum(settings[each] for each in names)
        for each in names:
            settings[each] /= total
    return parse_model(data)


@pytest.mark.parametrize(
    "name",
    ["prior:H2", "posterior:H1", "midpoint:H3", "influence", "strength_multiplier", "quality_weight:methodology"],
)
def test_moving_a_parameter_is_changing_the_document(name):
    raw = document_from_seed(5, **SIZES, model="dependency_network", interventions=0, observations=0)
    raw["settings"]["causal_network"]["strength_multiplier"] = 0.8
    document = parse_model(raw)
    name = f"influence:{document.influences[2].key}" if name == "influence" else name
    evaluator = Evaluator(document)
    parameter = all_parameters(document, evaluator.beliefs)[name]
    value = float(parameter.value(np.array([0.8]))[0])
    value = min(value, 1.0) if name.startswith("influence") else value
    assert value != parameter.nominal
    moved = evaluator.joint(ParameterSpace(evaluator, [parameter]).inputs(np.array([[value]])), document.end_year)
    other = Evaluator(changed(document, name, value))
    expected = other.joint(other.nominal[:, None], document.end_year)
    np.testing.assert_allclose(moved, expected, rtol=1e-9)


def test_quality_weights_move_the_spread_of_a_posterior_too():
    raw = document_from_seed(5, **SIZES, model="independent", interventions=0, observations=0)
    document = parse_model(raw)
    evaluator = Evaluator(document)
    known = all_parameters(document, evaluator.beliefs)
    code = next(belief.code for belief in evaluator.beliefs if belief.used)
    space = ParameterSpace(evaluator, [known[f"posterior:{code}"], known["quality_weight:authority"]])
    u, weight = 0.9, 0.6 * known["quality_weight:authority"].nominal
    posterior = float(known[f"posterior:{code}"].value(np.array([u]))[0])
    theta = space.inputs(np.array([[posterior, weight]]))[document.codes.index(code), 0]
    other = Evaluator(changed(document, "quality_weight:authority", weight))
    belief = other.beliefs[document.codes.index(code)]
    assert theta == pytest.approx(belief.mu + belief.sd * norm.ppf(u), rel=1e-9)


def test_outputs_are_those_of_the_result(study):
    study["run"] |= {"iterations": 4096, "dtype": "float64"}
    document = parse_model(study)
    evaluator = Evaluator(document)
    inputs = evaluator.drawn(evaluator.normals())
    result = simulate(document)
    then = result["temporal_evolution"][-1]

    def mean(text):
        return evaluator.output(inputs, parse_output(document, text)).mean()

    assert mean("scenario:ABBABB") == pytest.approx(result["scenario_probabilities"]["ABBABB"], rel=1e-12)
    assert mean("hypothesis:H4@2050") == pytest.approx(then["hypotheses"]["H4"]["mean"], rel=1e-12)
    assert mean("cluster:Fragmented Disruption") == pytest.approx(then["clusters"]["Fragmented Disruption"], rel=1e-12)
    joint = evaluator.joint(inputs[:, :50], 2050)
    np.testing.assert_allclose(
        evaluator.output(inputs[:, :50], parse_output(document, "entropy")), entropy(joint, base=2, axis=0), rtol=1e-12
    )


def test_outputs_given_an_observation_and_of_some_hypotheses(study):
    study["run"] |= {
        "hypotheses": ["H1", "H3"],
        "observations": [{"hypothesis": "H3", "outcome": "A", "from_year": 2040}],
    }
    document = parse_model(study)
    evaluator = Evaluator(document)
    joint = evaluator.joint(evaluator.nominal[:, None], 2050)
    a = {
        code: np.array([letter == "A" for letter in letters])
        for code, letters in zip(
            document.codes,
            np.array([list(format(s, "06b").replace("0", "A").replace("1", "B")) for s in range(64)]).T,
            strict=True,
        )
    }
    given = joint[a["H3"], 0].sum()
    both = joint[a["H3"] & a["H1"], 0].sum()
    nominal = evaluator.nominal[:, None]
    assert evaluator.output(nominal, parse_output(document, "scenario:AA"))[0] == pytest.approx(both / given)
    assert evaluator.output(nominal, parse_output(document, "hypothesis:H1"))[0] == pytest.approx(both / given)
    p = both / given
    assert evaluator.output(nominal, parse_output(document, "entropy"))[0] == pytest.approx(entropy([p, 1 - p], base=2))


def test_first_order_indices_are_what_brute_force_finds(study):
    """Var E[Y | X] / Var Y for the posterior of H5, by a double loop over independent samples."""
    found = run_study(study, method="sobol", output="entropy", second_order=False)
    document = parse_model(study)
    design = design_of(document, parse_request(document, {"method": "sobol"}))
    evaluator = Evaluator(document)
    space = ParameterSpace(evaluator, design.parameters)
    rng = np.random.default_rng(7)
    column = [parameter.name for parameter in design.parameters].index("posterior:H5")
    outer, inner = 200, 400
    unit = rng.random((outer, inner, len(design.parameters)))
    unit[:, :, column] = ((np.arange(outer) + 0.5) / outer)[:, None]
    values = space.values(unit.reshape(-1, len(design.parameters)))
    outputs = evaluator.output(space.inputs(values), design.output).reshape(outer, inner)
    within = outputs.var(axis=1, ddof=1).mean()
    share = 1 - within / (within + outputs.mean(axis=1).var(ddof=1) - within / inner)
    estimate = found["first_order"]["posterior:H5"]
    assert share == pytest.approx(estimate["value"], abs=1.5 * estimate["half_width"])


def test_the_published_study_hangs_on_posteriors_not_on_the_multiplier(study):
    """What the entropy of 2050 hangs on: H5, H3, H1 lead; the strength multiplier explains next to nothing."""
    found = run_study(study, method="sobol", second_order=False)
    assert set(found["ranking"][:3]) == {"posterior:H5", "posterior:H3", "posterior:H1"}
    assert found["total_order"]["strength_multiplier"]["value"] < 0.05
    assert found["metadata"]["evaluations"] == 1024 * 37
    assert sum(entry["value"] for entry in found["first_order"].values()) == pytest.approx(1, abs=0.1)


def test_without_influences_a_hypothesis_hangs_on_its_own_posterior_alone(study):
    study["settings"]["causal_network"]["model"] = "independent"
    found = run_study(study, method="sobol", output="hypothesis:H2@2050", samples=256)
    first = {name: entry["value"] for name, entry in found["first_order"].items()}
    assert first.pop("posterior:H2") == pytest.approx(1, abs=0.05)
    assert max(map(abs, first.values())) < 1e-12
    assert len(found["interactions"]) == 35 * 34 / 2


def test_the_value_of_information_is_the_first_order_share_and_what_is_left(study):
    study["settings"]["causal_network"]["model"] = "independent"
    found = run_study(study, method="value_of_information", output="hypothesis:H2@2040", samples=512)
    by_hypothesis = found["value_of_information"]["hypotheses"]
    assert by_hypothesis["H2"]["share"] == pytest.approx(1, abs=0.05)
    assert by_hypothesis["H2"]["remaining_sd"] <= 0.25 * found["distribution"]["sd"]
    assert by_hypothesis["H5"]["share"] == pytest.approx(0, abs=1e-12)
    assert by_hypothesis["H5"]["remaining_sd"] == pytest.approx(found["distribution"]["sd"])
    assert found["ranking_of_hypotheses"][0] == "H2"
    assert set(found["ranking"][:2]) == {"midpoint:H2", "posterior:H2"}
    assert "strength_multiplier" not in found["value_of_information"]["parameters"]


def test_local_effects_are_closed_forms_where_there_is_one(study):
    """Alone, in the last year, P(H1 = A) is its posterior: slope 1, elasticity 1, swing from 5 % to 95 %."""
    study["settings"]["causal_network"]["model"] = "independent"
    found = run_study(study, method="local", output="hypothesis:H1@2050")
    assert found["derivative"]["posterior:H1"] == pytest.approx(1, abs=1e-6)
    assert found["elasticity"]["posterior:H1"] == pytest.approx(1, abs=1e-6)
    assert found["derivative"]["posterior:H2"] == pytest.approx(0, abs=1e-9)
    swing = found["swings"]["posterior:H1"]
    prior, sd = study["hypotheses"][0]["prior_probability"], study["settings"]["evidence"]["model_discrepancy_sd"]
    ends = expit(logit(prior) + sd * norm.ppf([0.05, 0.95]))
    assert [swing["output_at_low"], swing["output_at_high"]] == pytest.approx(ends.tolist())
    assert found["ranking"][0] == "posterior:H1"


def test_groups_move_together(study):
    into_h6 = [
        f"influence:{e['source']}{e['source_outcome']}>H6{e['target_outcome']}"
        for e in study["influences"]
        if e["target"] == "H6"
    ]
    found = run_study(
        study,
        method="sobol",
        output="hypothesis:H6",
        parameters=["posterior:*", "influence:*>H6*"],
        groups={"into H6": ["influence:*>H6*"]},
        samples=128,
    )
    assert sorted(found["groups"]["into H6"]) == sorted(into_h6)
    assert set(found["first_order"]) == {*(f"posterior:H{k}" for k in range(1, 7)), "into H6"}
    found = run_study(study, method="morris", groups={"timing": ["midpoint:*"]}, samples=8)
    assert found["sigma"]["timing"] is None  # a group has no signed effects
    assert found["mu_star"]["timing"]["value"] >= 0


def test_a_range_makes_a_parameter_uniform_and_a_study_repeatable(study):
    request = {"method": "sobol", "parameters": [{"name": "posterior:H1", "low": 0.2, "high": 0.4}, "posterior:H2"],
               "samples": 64, "output": "hypothesis:H1@2050"}  # fmt: skip
    study["settings"]["causal_network"]["model"] = "independent"
    one, two = run_study(study, **request), run_study(copy.deepcopy(study), **request)
    for document in (one, two):
        document.pop("computation_time")
    assert one == two
    assert one["distribution"]["mean"] == pytest.approx(0.3, abs=0.005)
    assert one["distribution"]["q05"] == pytest.approx(0.21, abs=0.01)
    document = parse_model(study)
    hashes = {study_hash(document, parse_request(document, request | {"seed": seed})) for seed in (1, 1, 2)}
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({"method": "guess"}, "method: "),
        ({"method": "sobol", "colour": 1}, "colour: unknown key"),
        ({"method": "sobol", "output": "scenario:ABBABX"}, "output: unknown scenario 'ABBABX'"),
        ({"method": "sobol", "output": "cluster:Nope"}, "output: unknown cluster 'Nope'; known are Adaptive"),
        ({"method": "sobol", "output": "hypothesis:H9"}, "output: unknown hypothesis 'H9'; known are H1"),
        ({"method": "sobol", "output": "mood"}, "output: unknown output 'mood'"),
        ({"method": "sobol", "output": "entropy@2051"}, "output: the year must lie in 2025 to 2050, not 2051"),
        ({"method": "sobol", "parameters": ["prior:H9"]}, "parameters[0]: unknown parameter 'prior:H9'"),
        ({"method": "sobol", "parameters": []}, "parameters: "),
        ({"method": "sobol", "parameters": ["prior:H1"]}, "parameters: sobol compares parameters"),
        (
            {"method": "sobol", "parameters": ["prior:H2", {"name": "prior:H1", "low": 0.5, "high": 1.2}]},
            "parameters[1]: the range of prior:H1 must rise and lie in 0 to 1",
        ),
        (
            {"method": "local", "parameters": [{"name": "influence:H2A>H4B", "low": 0.5, "high": 0.4}]},
            "parameters[0]: the range of influence:H2A>H4B",
        ),
        ({"method": "local", "parameters": [{"name": "midpoint:H1", "low": 1800, "high": 2030}]}, "1975 to 2100"),
        (
            {"method": "sobol", "samples": 1000},
            "samples: must be a power of two for Sobol' points, such as 512 or 1024",
        ),
        ({"method": "sobol", "samples": 65_536}, "samples: 65,536 are too many for 35 parameters; take 16,384"),
        ({"method": "morris", "levels": 5}, "levels: must be even, not 5"),
        ({"method": "local", "samples": 4}, "samples: local takes none; sobol and morris and value_of_information do"),
        ({"method": "local", "groups": {"g": ["prior:*"]}}, "groups: local takes none; sobol and morris do"),
        ({"method": "sobol", "levels": 8}, "levels: sobol takes none; morris does"),
        ({"method": "sobol", "groups": {"g": []}}, "groups.g: "),
        (
            {"method": "sobol", "groups": {"posterior:H1": ["posterior:H2"]}},
            "groups.posterior:H1: a group cannot have the name of a parameter",
        ),
        ({"method": "sobol", "parameters": [5]}, "parameters[0]: "),
        ({"method": "sobol", "parameters": [{"name": "prior:H1", "low": 0.5}]}, "parameters[0]: a range needs both"),
        (
            {"method": "local", "parameters": [{"name": n, "low": 0.1, "high": 0.2} for n in ("prior:H1", "prior:*")]},
            "parameters[1]: prior:H1 has a range already",
        ),
        (
            {"method": "local", "parameters": [{"name": "quality_weight:authority", "low": 0, "high": 1}]},
            "must rise and lie in 0 to 1, 0 excluded, not 0 to 1",
        ),
        ({"method": "sobol", "confidence": 0.99999999}, "confidence: "),
        ({"method": "sobol", "samples": 16_384, "resamples": 10_000, "second_order": False}, "resamples: 10,000 are"),
        ({"method": "sobol", "output": "entropy@" + 100 * "9"}, "output: unknown output 'entropy@999"),
        ({"method": "sobol", "groups": {"g": ["prior:*"]}}, "groups.g[0]: unknown parameter"),
        (
            {"method": "sobol", "groups": {"g": ["posterior:*"], "h": ["posterior:H1"]}},
            "groups.h[0]: posterior:H1 is in the group 'g' too",
        ),
    ],
)
def test_a_bad_request_is_refused_by_name(study, request_, named):
    with pytest.raises(ModelError) as refused:
        parse_request(parse_model(study), request_)
    assert named in str(refused.value)


def test_progress_is_told_and_a_study_can_be_stopped(study):
    document = parse_model(study)
    request = parse_request(document, {"method": "sobol", "samples": 64})
    seen = []
    sensitivity_study(document, request, on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (64 * 72, 64 * 72)
    with pytest.raises(Stopped):
        sensitivity_study(document, request, should_stop=lambda: True)
