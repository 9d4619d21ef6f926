"""The Python client against a real server and worker."""

from __future__ import annotations

import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from socket import SHUT_RDWR
from time import monotonic
from uuid import uuid4

import httpx
import pandas as pd
import pytest
import websockets.sync.client
from aifutures_client import (
    Cancelled,
    Client,
    Conflict,
    Failed,
    Forbidden,
    Invalid,
    Job,
    NotFound,
    RateLimited,
    Stale,
    StillRunning,
    TokenAuth,
    Unauthorized,
    Unreachable,
)

from tests.client.conftest import PASSWORD

SMALL = 4096
LONG = {"iterations": 100_000_000, "fresh": True}
NEW_ITEM = {
    "hypothesis": "H1",
    "direction": "A",
    "strength": 0.4,
    "quality_scores": {"authority": 0.8, "methodology": 0.7, "replication": 0.5},
    "source": {
        "title": "A study of clients",
        "source_type": "academic_paper",
        "publication_date": "2025-05-01",
        "url": "https://example.org/clients",
    },
    "description": "Finds that clients are read more often than written.",
}


@pytest.fixture(scope="module")
def result(ada):
    return ada.run(iterations=SMALL)


class Unsteady(httpx.HTTPTransport):
    """A network that loses the first answers to POSTs of some path, after the server has heard the request."""

    def __init__(self, path: str, losses: int) -> None:
        super().__init__()
        self.path, self.losses = path, losses

    def handle_request(self, request):
        response = super().handle_request(request)
        if request.url.path.endswith(self.path) and self.losses:
            self.losses -= 1
            response.read()
            raise httpx.ReadError("lost", request=request)
        return response


def test_a_result_is_typed_and_becomes_frames(ada, result):
    assert sum(result.probabilities.values()) == pytest.approx(1)
    assert (len(result.probabilities), result.target_year, len(result.input_hash)) == (64, 2050, 64)
    scenarios = result.to_frame()
    assert scenarios.index[0] == result.most_likely
    assert scenarios["probability"].is_monotonic_decreasing
    assert scenarios.loc["AAAAAA", "q95"] == result.intervals["AAAAAA"]["q95"]
    hypotheses = result.to_frame("hypotheses")
    bits = pd.Series(result.probabilities)
    assert bits[bits.index.str[1] == "A"].sum() == pytest.approx(hypotheses.loc["H2", "mean"], abs=1e-6)
    assert result.to_frame("clusters")["probability"].sum() == pytest.approx(1)
    for kind, columns in (("hypotheses", 6), ("scenarios", 64), ("clusters", 3)):
        years = result.evolution(kind)
        assert years.shape == (26, columns)
        assert (result.evolution(kind, "q05") <= result.evolution(kind, "q95")).all(axis=None)
    assert result.evolution().loc[2050, "H2"] == pytest.approx(hypotheses.loc["H2", "mean"])
    again = ada.run(iterations=SMALL)
    assert (again.cached, again.probabilities) == (True, result.probabilities)


def assert_told_to_the_end(told, found):
    assert told[-1].status == "succeeded"
    assert told[-1].share == 1
    assert [each.completed for each in told] == sorted(each.completed for each in told)
    assert found.document["metadata"]["iterations"] == told[-1].total >= 1_000_000


class TestProgress:
    """What `progress=` is called with, whichever way the client hears of it."""

    @pytest.fixture
    def asked(self, monkeypatch):
        """The questions how far a job is, of a client that does not give its socket up soon."""
        monkeypatch.setattr("aifutures_client.sockets.PATIENCE", 60)
        asked, row = [], Job.row
        monkeypatch.setattr(Job, "row", lambda job: asked.append(job) or row(job))
        return asked

    def test_is_told_by_the_server_over_its_socket(self, ada, asked):
        told = []
        found = ada.run(iterations=4_000_000, fresh=True, progress=told.append)
        assert_told_to_the_end(told, found)
        assert len(asked) == 1  # what it came to
        assert len(told) > 2
        study = []
        ada.sensitivity("local", parameters=["posterior:*"], fresh=True, progress=study.append)
        assert (study[-1].status, study[-1].share, len(asked)) == ("succeeded", 1, 2)

    def test_is_asked_for_without_websockets(self, ada, asked, monkeypatch):
        monkeypatch.setitem(sys.modules, "websockets.exceptions", None)
        told = []
        assert_told_to_the_end(told, ada.run(iterations=1_000_000, fresh=True, progress=told.append))
        assert len(asked) >= len(told)

    @pytest.mark.parametrize("path", ["ws/nothing/here", "../away"])
    def test_is_asked_for_where_there_is_no_socket(self, ada, asked, monkeypatch, path):
        monkeypatch.setattr("aifutures_client.sockets.PATH", path)
        told = []
        assert_told_to_the_end(told, ada.run(iterations=1_000_000, fresh=True, progress=told.append))
        assert len(asked) >= len(told)

    def test_is_asked_for_when_the_socket_is_lost_on_the_way(self, ada, asked, monkeypatch):
        told, receive = [], websockets.sync.client.ClientConnection.recv

        def lose(socket, timeout=None):
            if told:
                socket.socket.shutdown(SHUT_RDWR)
            return receive(socket, timeout)

        monkeypatch.setattr(websockets.sync.client.ClientConnection, "recv", lose)
        assert_told_to_the_end(told, ada.run(iterations=4_000_000, fresh=True, progress=told.append))
        assert len(asked) >= 1

    def test_waits_no_longer_than_it_may(self, ada):
        job = ada.start_run(**LONG, seed=5)
        began = monotonic()
        with pytest.raises(StillRunning):
            job.wait(progress=lambda _: None, timeout=1)
        assert monotonic() - began < 60
        job.cancel()
        with pytest.raises(Cancelled):
            job.wait(timeout=120)


def test_who_waits_no_longer_finds_it_again_and_cancels_it(ada):
    with pytest.raises(StillRunning) as running:
        ada.run(timeout=1, **LONG)
    job = ada.run_job(running.value.id)
    assert job.progress().status in {"queued", "running"}
    job.cancel()
    with pytest.raises(Cancelled):
        job.wait(timeout=120)
    started = ada.start_run(**LONG, seed=2)
    started.cancel()
    with pytest.raises(Cancelled):
        started.wait(timeout=120)


def test_what_the_engine_cannot_compute_fails_with_its_reason(ada):
    impossible = {
        "interventions": [{"hypothesis": "H2", "outcome": "B", "from_year": 2030}],
        "observations": [{"hypothesis": "H2", "outcome": "A", "from_year": 2040}],
    }
    with pytest.raises(Failed, match="probability 0") as failed:
        ada.run(iterations=SMALL, **impossible)
    assert ada.run_job(failed.value.id).row()["status"] == "failed"
    with pytest.raises(Failed, match="probability 0"):
        ada.run(iterations=SMALL, seed=3, progress=lambda _: None, **impossible)


def test_a_lost_answer_does_not_begin_a_second_run(sign_in):
    carl, name = sign_in("carl", transport=Unsteady("/analysis/run", 2)), str(uuid4())
    found = carl.run(iterations=SMALL, seed=11, name=name)
    assert [row["id"] for row in carl.runs(q=name)] == [str(found.run_id)]


def test_no_server_is_an_error_of_its_own():
    with pytest.raises(Unreachable), Client.with_key("http://127.0.0.1:9", "key") as client:
        client.me()


def test_what_if_gives_the_change(ada, result):
    found = ada.what_if(run=result.run_id, overrides={"posteriors": {"H1": 0.9}})
    assert found.run_id == result.run_id
    change = found.to_frame("hypotheses")["change"]
    assert change["H1"] == pytest.approx(found.hypotheses["H1"]["mean"] - result.hypotheses["H1"]["mean"], abs=1e-3)
    assert found.to_frame()["change"].sum() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("method", "options", "column"),
    [
        ("sobol", {"parameters": ["posterior:*"], "samples": 64}, "total_order.value"),
        ("morris", {"parameters": ["posterior:*"], "samples": 8}, "mu_star.value"),
        ("local", {"parameters": ["posterior:*"]}, "derivative"),
        ("value_of_information", {"samples": 256}, "parameters.share"),
    ],
)
def test_sensitivity(ada, method, options, column):
    found = ada.sensitivity(method, **options)
    table = found.to_frame()
    assert list(table.index) == found.ranking
    assert table[column].notna().all()


def test_comparison_and_robustness(ada, result):
    baseline = ada.runs(published="true")[0]["id"]
    found = ada.compare(baseline, result.run_id)
    table = found.to_frame()
    assert table.loc[("scenario", "AAAAAA"), "after"] == pytest.approx(result.probabilities["AAAAAA"], abs=1e-9)
    assert any("terations" in change for change in found.changes)
    report = ada.robustness(iterations=SMALL)
    variants = report.to_frame()
    assert variants.loc["base", result.most_likely] == pytest.approx(result.probabilities[result.most_likely], abs=1e-6)
    assert len(variants) == 1 + len(report.document["variants"])


def test_exports_and_model(ada, result):
    assert json.loads(ada.export(result.run_id, "json"))["scenario_probabilities"] == result.probabilities
    for form, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        table = read(io.BytesIO(ada.export(result.run_id, form)))
        row = table[(table["kind"] == "hypothesis") & (table["name"] == "H2") & (table["year"] == 2050)]
        assert row["mean"].item() == pytest.approx(result.hypotheses["H2"]["mean"], abs=1e-4)
    assert len(ada.model(result.run_id)["hypotheses"]) == 6


def test_scenarios(ada):
    found = ada.scenarios(min_probability=0, sort_by="scenario_id")
    assert (len(found), found[0].scenario_id, len(found.to_frame())) == (64, "AAAAAA", 64)
    assert ada.scenarios(year=2030)[0].probability != ada.scenarios()[0].probability


def test_evidence_is_read_page_by_page(ada, monkeypatch):
    monkeypatch.setattr("aifutures_client.evidence.PAGE", 7)
    found = ada.evidence.list(hypothesis="H2", min_quality=0.4)
    assert len(found) == found.total_count > 7
    assert len({item.id for item in found}) == len(found)
    assert {item.hypothesis for item in found} == {"H2"}
    assert found.filters_applied["min_quality"] == 0.4
    assert found.to_frame()["source.title"].notna().all()
    assert len(ada.evidence.list(limit=10)) == 10


def test_evidence_is_written_and_reviewed_with_four_eyes(sign_in):
    carla, carl = sign_in("carla"), sign_in("carl")
    item = carla.evidence.create(**NEW_ITEM, id="H1-client")
    assert (item.status, item.source["title"]) == ("draft", "A study of clients")
    edited = carla.evidence.edit(item, strength=0.5, reason="Read again.")
    assert edited.strength == 0.5
    with pytest.raises(Stale):
        carla.evidence.edit(item, strength=0.6, reason="Read a third time.")
    carla.evidence.submit(item.id)
    with pytest.raises((Forbidden, Conflict)):
        carla.evidence.approve(item.id)
    assert carl.evidence.approve(item.id).status == "approved"
    assert carl.evidence.retire(item.id, "It was for trying.").status == "retired"
    assert len(carl.evidence.history(item.id)) >= 4
    with pytest.raises(NotFound):
        carl.evidence.get("nothing")


def test_errors_carry_the_problem_document(ada, sign_in):
    with pytest.raises(Invalid) as refused:
        ada.run(iterations="many", overrides={"priors": {"H1": 2}})
    assert {fault.path for fault in refused.value.faults} >= {"iterations"}
    assert refused.value.request_id
    assert refused.value.problem["status"] == refused.value.status == 400
    assert "iterations: " in str(refused.value)
    with pytest.raises(Forbidden):
        sign_in("vera").run(iterations=SMALL)


def test_limits_are_waited_for_as_the_server_asks(sign_in):
    patient, hasty = sign_in("vera"), sign_in("vera", patience=0)
    new = (number / 1000 for number in count(1))  # what is answered from the cache does not count
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(hasty.scenarios, min_probability=next(new)) for _ in range(60)]
        limited = [error for each in asked if (error := each.exception()) is not None]
        assert {type(error) for error in limited} == {RateLimited}
        assert all(error.retry_after >= 1 for error in limited)
    assert all(len(patient.scenarios(min_probability=next(new))) > 0 for _ in range(5))


def test_a_wrong_password_is_refused(url):
    with pytest.raises(Unauthorized):
        Client.sign_in(url, "ada", "wrong")


def test_tokens_are_renewed_and_ended(url):
    vera = {"username": "vera", "password": PASSWORD}
    pair = httpx.post(f"{url}/api/v1/auth/token", json=vera, timeout=60).json()
    for access, left in ((pair["access"], 0), ("no longer good", 900)):  # about to end; refused
        auth = TokenAuth(f"{url}/api/v1/", access, pair["refresh"], left)
        with Client(url, auth) as client:
            assert client.me()["username"] == "vera"
        assert auth.refresh_token != pair["refresh"]
        pair["refresh"] = auth.refresh_token
    auth = TokenAuth(f"{url}/api/v1/", "no longer good", pair["refresh"], 900)
    client = Client(url, auth)
    with ThreadPoolExecutor(8) as pool:
        assert {found["username"] for found in pool.map(lambda _: client.me(), range(8))} == {"vera"}
    ended = auth.refresh_token
    client.sign_out()
    with pytest.raises(Unauthorized), Client(url, TokenAuth(f"{url}/api/v1/", "", ended, 0)) as client:
        client.me()


def test_a_key_stands_for_its_maker_within_its_scopes(url, ada):
    with Client.with_key(url, ada.create_key("a machine", scopes=["read:scenarios"])) as machine:
        assert len(machine.scenarios()) > 10
        with pytest.raises(Forbidden):
            machine.run(iterations=SMALL)
