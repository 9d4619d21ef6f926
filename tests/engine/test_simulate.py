"""Runs of the engine: the same bits however they are cut, honest error bars, the published study (MODEL.md 4, 9)."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from analysis.engine.estimate import STUDENT_T, conditional, reporting, standard_error
from analysis.engine.kernel import run_blocks
from analysis.engine.program import compile_program
from analysis.engine.sampling import REPLICATES, ROUND
from analysis.engine.simulate import simulate
from analysis.engine.spec import parse_model, with_run
from analysis.engine.stopping import Stopped
from analysis.engine.tally import CheckpointError
from tests.oracle.documents import document_from_seed
from tests.oracle.enumeration import closed_form, estimate


def numbers(result):
    """Hash of all of a result that must be equal bit for bit."""
    metadata = {k: v for k, v in result["metadata"].items() if k != "threads"}
    return hashlib.sha256(json.dumps(result | {"computation_time": None, "metadata": metadata}).encode()).hexdigest()


def interrupted_after(document, slices, **options):
    """Checkpoint of a run that was stopped after some slices of one batch each."""
    calls = iter(range(1, slices + 1))
    with pytest.raises(Stopped) as stopped:
        simulate(document, slice_seconds=0, should_stop=lambda: next(calls) == slices, **options)
    return stopped.value.checkpoint


@pytest.mark.parametrize("sampler", ["sobol", "pseudo"])
def test_threads_chunks_slices_and_restarts_leave_every_bit_alone(study, sampler):
    study["run"] |= {"iterations": 90_000, "sampler": sampler}
    document = parse_model(study)
    whole = numbers(simulate(document, threads=1))
    assert numbers(simulate(document, threads=2, chunk=256)) == whole
    assert numbers(simulate(document, threads=3, chunk=5_000, slice_seconds=0)) == whole
    checkpoint = interrupted_after(document, 3, threads=2, chunk=1_000)
    again = interrupted_after(document, 2, threads=1, chunk=2_000, checkpoint=checkpoint)
    assert numbers(simulate(document, threads=3, checkpoint=again)) == whole


def test_checkpoints_and_progress_are_offered_between_slices(study):
    document = parse_model(study | {"run": study["run"] | {"iterations": 60_000}})
    seen, kept = [], []

    def keep(make):
        kept.append(make())

    result = simulate(document, slice_seconds=0, chunk=256, on_progress=seen.append, on_checkpoint=keep)
    assert [p.completed for p in seen] == sorted({p.completed for p in seen})
    assert seen[-1].completed == seen[-1].total == 61_440 == result["metadata"]["iterations"]
    assert all(p.rate > 0 and p.eta_seconds >= 0 for p in seen)
    assert numbers(simulate(document, checkpoint=kept[2])) == numbers(result)


def test_a_checkpoint_of_another_model_or_a_damaged_one_is_refused(study):
    document = parse_model(study)
    checkpoint = interrupted_after(with_run(document, iterations=20_000), 1, threads=1, chunk=256)
    with pytest.raises(CheckpointError, match="another model"):
        simulate(with_run(document, seed=1), checkpoint=checkpoint)
    with pytest.raises(CheckpointError, match="damaged"):
        simulate(with_run(document, iterations=20_000), checkpoint=checkpoint[:1000])


def test_stopping_when_converged_stops_at_a_look(study):
    study["run"] |= {"iterations": 10**6, "stop_when_converged": True, "sampler": "pseudo"}
    result = simulate(parse_model(study))
    trace = result["convergence"]["trace"]
    assert result["convergence"]["converged"]
    assert result["metadata"]["iterations"] == trace[-1]["iterations"] < 10**6
    assert [look["iterations"] for look in trace] == [4096 * 2**k for k in range(len(trace))]
    assert all(look["max_half_width"] >= 0.001 for look in trace[:-1])


@pytest.mark.parametrize("seed", range(10))
def test_means_agree_with_an_independent_sampler(seed):
    data = document_from_seed(seed, hypotheses=2 + seed % 4, years=6, influences=8)
    data["run"] |= {"iterations": 4096, "hypotheses": None}
    years = [data["base_year"], data["base_year"] + 3, data["end_year"]]
    evolution = simulate(parse_model(data))["temporal_evolution"]
    ours = np.array([list(evolution[year - data["base_year"]]["scenarios"].values()) for year in years])
    theirs, error = estimate(data, 4000, np.random.default_rng(seed), years)
    assert (np.abs(ours - theirs) <= 5 * error + 1e-5).all()


def replicate_means(document, sampler, seed):
    """Means of the 16 replicates [16, T, S] after one round."""
    chosen = with_run(document, sampler=sampler, seed=seed)
    years, states = len(document.years), 2 ** len(document.codes)
    sums = np.empty((REPLICATES, years, states))
    squares, sweeps = np.empty((REPLICATES, states)), np.empty((REPLICATES, 2), np.int64)
    run_blocks(compile_program(chosen), 0, sums, squares, sweeps)
    return conditional(sums, reporting(chosen), document.base_year)


@pytest.mark.parametrize("sampler", ["sobol", "pseudo"])
def test_error_bars_are_calibrated(sampler):
    """Over 400 seeds the 95 % interval of a mean covers the truth, which a run a thousand times as long gives."""
    data = document_from_seed(12, hypotheses=3, years=4, influences=5, interventions=0, observations=0, centred=True)
    data["run"] |= {"dtype": "float64", "hypotheses": None, "sampler": "sobol", "target_year": None}
    document = parse_model(data)
    truth = simulate(with_run(document, iterations=1000 * ROUND))["temporal_evolution"][-1]["scenarios"]
    likely = max(range(8), key=list(truth.values()).__getitem__)

    def covered(seed):
        means = replicate_means(document, sampler, seed)[:, -1, likely]
        return abs(means.mean() - list(truth.values())[likely]) <= STUDENT_T * standard_error(means)

    with ThreadPoolExecutor(2) as pool:
        share = np.mean(list(pool.map(covered, range(1, 401))))
    assert 0.92 <= share <= 0.98


def test_the_published_study_is_reproduced(study):
    """MODEL.md 9: marginals within 0.015 of the priors, clusters within 3 points, ABBABB first at about 11 %."""
    study["run"]["iterations"] = 65_536
    result = simulate(parse_model(study))
    last = result["temporal_evolution"][-1]
    for hypothesis in study["hypotheses"]:
        assert last["hypotheses"][hypothesis["code"]]["mean"] == pytest.approx(
            hypothesis["prior_probability"], abs=0.015
        )
    published = {"Adaptive Integration": 0.42, "Fragmented Disruption": 0.31, "Constrained Evolution": 0.27}
    assert last["clusters"] == pytest.approx(published, abs=0.03)
    assert last["most_likely"] == "ABBABB"
    assert result["scenario_probabilities"]["ABBABB"] == pytest.approx(0.11, abs=0.005)


def without_uncertainty(study):
    study["settings"]["evidence"]["model_discrepancy_sd"] = 0.0
    study["settings"]["causal_network"]["strength_cv"] = 0.0
    for hypothesis in study["hypotheses"]:
        hypothesis["midpoint_sd"] = 0.0
    return study


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 2e-6)])
def test_without_uncertainty_the_result_is_the_closed_form(study, dtype, tolerance):
    study = without_uncertainty(study)
    study["run"] |= {"dtype": dtype, "iterations": 4096}
    result = simulate(parse_model(study))
    found = [list(year["scenarios"].values()) for year in result["temporal_evolution"]]
    np.testing.assert_allclose(found, closed_form(study), rtol=0, atol=tolerance)
    for interval in result["scenario_intervals"].values():
        assert interval["sd"] <= tolerance
        assert interval["q95"] - interval["q05"] <= tolerance
