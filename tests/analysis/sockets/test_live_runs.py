"""Runs over the socket: a real server, a real worker, a real client."""

import itertools
import time

import pytest

from analysis.models import AnalysisRun

LONG = {"iterations": 60_000_000, "fresh": True}


def begin(client, **parameters):
    """Begin a run and return its id."""
    accepted = client.ask("start_analysis", parameters=parameters)
    assert accepted["type"] == "accepted", accepted
    return accepted["run_id"]


def test_a_run_is_followed_from_its_start_to_its_result_and_found_again_after_it(worker, analyst, signed_in):
    with signed_in(analyst) as client:
        assert client.connection.subprotocol == "bearer"
        begun = time.monotonic()
        run_id = begin(client, iterations=6_000_000, hypotheses=["H1", "H2"], fresh=True)
        told = client.follow(run_id)
        seconds = time.monotonic() - begun
    *steps, end = told
    assert end["type"] == "result"
    assert end["result_url"] == f"/api/v1/analysis/{run_id}/result"
    assert sorted(end["scenarios"]) == ["AA", "AB", "BA", "BB"]
    assert sum(end["probabilities"]) == pytest.approx(1)
    assert all(one["seq"] < other["seq"] for one, other in itertools.pairwise(told))
    assert (steps[0]["completed"], steps[-1]["status"]) == (0, "running")
    assert len(steps) <= 4 * seconds + 2
    last = steps[-1]
    assert 0 < last["completed"] <= last["total"] == 6_000_640
    assert last["eta_seconds"] == pytest.approx((last["total"] - last["completed"]) / last["rate"])
    assert 0 < last["max_half_width"] < 1

    run = AnalysisRun.objects.get(pk=run_id)
    stored = run.result_document["scenario_probabilities"]
    assert dict(zip(end["scenarios"], end["probabilities"], strict=True)) == stored
    with signed_in(analyst) as client:
        assert client.ask("subscribe", run_id=run_id) == end


def test_a_client_that_comes_back_is_told_the_present_state_and_cancels_at_once(worker, analyst, signed_in):
    with signed_in(analyst) as client:
        run_id = begin(client, **LONG)
        while client.hear()["completed"] == 0:
            pass
    with signed_in(analyst) as client:
        present = client.ask("subscribe", run_id=run_id)
        assert (present["status"], present["completed"] > 0) == ("running", True)
        asked = time.monotonic()
        client.say("cancel", run_id=run_id)
        *_, end = client.follow(run_id)
        assert (end["type"], time.monotonic() - asked < 10) == ("cancelled", True)
        assert end["seq"] > present["seq"]
