"""The result document: quantiles, moments, clusters, marginals and what runs choose (MODEL.md 5 and 6)."""

import numpy as np
import pytest

from analysis.engine.clusters import membership
from analysis.engine.kernel import run_sample
from analysis.engine.program import compile_program
from analysis.engine.sampling import REPLICATES
from analysis.engine.simulate import simulate
from analysis.engine.spec import parse_model, scenario_codes
from tests.oracle.documents import document_from_seed


def all_draws(document, iterations):
    """Joints [T, S, draws] of the first iterations, replicate after replicate."""
    program, each = compile_program(document), iterations // REPLICATES
    sample = np.empty((len(document.years), 2 ** len(document.codes), iterations), program.mu.dtype)
    for replicate in range(REPLICATES):
        run_sample(program, replicate, each, sample[:, :, replicate * each : (replicate + 1) * each])
    return sample.astype(float)


def test_moments_and_quantiles_are_those_of_the_draws(study):
    document = parse_model(study)
    result = simulate(document)
    draws = all_draws(document, 8192)
    assert result["metadata"]["quantile_draws"] == result["metadata"]["iterations"] == 8192
    found = result["scenario_intervals"]
    target = draws[-1]
    expected = np.quantile(target, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1, method="hazen").T
    np.testing.assert_allclose(
        [[i[q] for q in ("q05", "q25", "q50", "q75", "q95")] for i in found.values()], expected, rtol=1e-6
    )
    np.testing.assert_allclose([i["sd"] for i in found.values()], target.std(axis=1), rtol=1e-4)
    np.testing.assert_allclose(list(result["scenario_probabilities"].values()), target.mean(axis=1), rtol=1e-5)
    by_replicate = target.reshape(64, REPLICATES, -1).mean(axis=2)
    np.testing.assert_allclose(
        [i["mcse"] for i in found.values()], by_replicate.std(axis=1, ddof=1) / 4, rtol=0.02, atol=2e-8
    )


def test_hypotheses_and_clusters_have_the_errors_of_their_replicates(study):
    document = parse_model(study)
    result = simulate(document)
    replicates = all_draws(document, 8192)[-1].reshape(64, REPLICATES, -1).mean(axis=2)
    has_a = np.array([[letter == "A" for letter in code] for code in scenario_codes(6)])
    hypotheses = result["hypothesis_intervals"]
    assert list(hypotheses) == list(document.codes)
    then = result["temporal_evolution"][-1]["hypotheses"]
    assert {code: {key: found[key] for key in then[code]} for code, found in hypotheses.items()} == then
    errors = (replicates.T @ has_a).std(axis=0, ddof=1) / 4
    np.testing.assert_allclose([found["mcse"] for found in hypotheses.values()], errors, rtol=0.02, atol=2e-8)
    by_cluster = np.stack([replicates[membership(document) == index].sum(axis=0) for index in range(3)])
    errors = by_cluster.std(axis=1, ddof=1) / 4
    np.testing.assert_allclose([c["mcse"] for c in result["clusters"]["named"]], errors, rtol=0.02, atol=2e-8)


def test_observations_weigh_the_draws(study):
    """P(x | a) is a ratio of means; its quantiles weigh every draw by its P(a) (MODEL.md 3)."""
    study["run"]["observations"] = [{"hypothesis": "H2", "outcome": "A", "from_year": 2040}]
    document = parse_model(study)
    result = simulate(document)
    has_agi = np.array([code[1] == "A" for code in scenario_codes(6)])
    joint = all_draws(document, 8192)[-1] * has_agi[:, None]
    weight = joint.sum(axis=0)
    mean = joint.sum(axis=1) / weight.sum()
    np.testing.assert_allclose(list(result["scenario_probabilities"].values()), mean, rtol=1e-5, atol=1e-12)
    code = result["temporal_evolution"][-1]["most_likely"]
    row = scenario_codes(6).index(code)
    given = joint[row] / weight
    interval = result["scenario_intervals"][code]
    assert interval["sd"] == pytest.approx(np.sqrt(np.average((given - mean[row]) ** 2, weights=weight)), rel=1e-3)
    kept = all_draws(document, result["metadata"]["quantile_draws"])[-1] * has_agi[:, None]
    weight = kept.sum(axis=0)
    given = kept[row] / weight
    for point, name in ((0.05, "q05"), (0.5, "q50"), (0.95, "q95")):
        assert weight[given <= interval[name]].sum() / weight.sum() == pytest.approx(point, abs=1e-3)
    assert result["temporal_evolution"][14]["hypotheses"]["H2"]["mean"] < 1
    assert result["temporal_evolution"][15]["hypotheses"]["H2"]["mean"] == pytest.approx(1)


def test_fewer_hypotheses_report_the_full_models_marginal(study):
    full = simulate(parse_model(study))
    study["run"]["hypotheses"] = ["H4", "H1"]
    part = simulate(parse_model(study))
    assert list(part["scenario_probabilities"]) == ["AA", "AB", "BA", "BB"]
    expected = {
        two: sum(p for code, p in full["scenario_probabilities"].items() if code[0] + code[3] == two)
        for two in part["scenario_probabilities"]
    }
    assert part["scenario_probabilities"] == pytest.approx(expected, rel=1e-6)
    first, last = part["temporal_evolution"][0], part["temporal_evolution"][-1]
    assert last["hypotheses"]["H1"] == pytest.approx(full["temporal_evolution"][-1]["hypotheses"]["H1"], rel=1e-6)
    assert last["clusters"] == pytest.approx(full["temporal_evolution"][-1]["clusters"], rel=1e-6)
    assert first["most_likely"] in part["scenario_probabilities"]


def test_an_intervention_leaves_earlier_years_alone_and_sets_later_ones(study):
    plain = simulate(parse_model(study))["temporal_evolution"]
    study["run"]["interventions"] = [{"hypothesis": "H5", "outcome": "A", "from_year": 2030}]
    changed = simulate(parse_model(study))["temporal_evolution"]
    assert changed[:5] == plain[:5]
    assert changed[5]["hypotheses"]["H5"] == pytest.approx({"mean": 1.0, "q05": 1.0, "q50": 1.0, "q95": 1.0}, abs=1e-6)
    assert changed[-1]["hypotheses"]["H6"]["mean"] > plain[-1]["hypotheses"]["H6"]["mean"] + 0.01


def test_eight_hypotheses_over_76_years_stay_within_the_samples_memory():
    data = document_from_seed(3, hypotheses=8, years=76, influences=24, observations=0, model="dependency_network")
    data["run"] |= {"iterations": 4096, "hypotheses": None}
    result = simulate(parse_model(data))
    assert result["metadata"]["quantile_draws"] * 76 * 256 * 4 <= 64 * 2**20
    assert all(np.isfinite(list(year["scenarios"].values())).all() for year in result["temporal_evolution"])
