"""POST /analysis/run without a worker: what it begins, refuses, counts, and finds again."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import django_rq
import pytest
from django.db import connections
from django.utils import timezone

from analysis.choices import RunStatus, WorkQueue
from analysis.engine import ENGINE_VERSION
from analysis.models import AnalysisRun
from analysis.services.lifecycle import computation_start
from analysis.services.model_documents import model_document_build
from analysis.services.runs import run_succeed
from tests.analysis.api.support import Api, computed, finished_run
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

SMALL = {"iterations": 4096, "name": "Small"}


@pytest.fixture
def analyst(api):
    return api("analyst")


def only_run():
    return AnalysisRun.objects.get()


def test_without_a_worker_the_run_waits_and_says_for_what(analyst, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = analyst.post("/analysis/run", SMALL)
    run = only_run()
    assert answer.status_code == 202
    assert answer.json() == {
        "id": str(run.pk),
        "run_id": str(run.pk),
        "status": "queued",
        "url": f"/api/v1/analysis/{run.pk}",
        "result_url": f"/api/v1/analysis/{run.pk}/result",
        "socket_path": "/ws/analysis/progress",
        "hint": answer.json()["hint"],
    }
    assert "manage.py worker" in answer.json()["hint"]
    assert answer["Location"] == answer.json()["url"]
    assert (run.owner, run.name, run.is_shared) == (analyst.user, "Small", False)
    assert run.job_id in django_rq.get_queue(WorkQueue.ANALYSIS).job_ids


def test_every_parameter_reaches_the_model_document(analyst):
    body = {
        "iterations": 8192,
        "evidence_filter": {"quality_min": 0.6, "sources": [], "hypothesis": "H2"},
        "seed": 7,
        "sampler": "pseudo",
        "dtype": "float64",
        "model": "independent",
        "interventions": [{"hypothesis": "H4", "outcome": "A", "from_year": 2030}],
        "observations": [{"hypothesis": "H2", "outcome": "B", "from_year": 2035}],
        "target_year": 2040,
        "stop_when_converged": True,
        "hypotheses": ["H1", "H4"],
        "overrides": {"priors": {"H1": 0.7}, "strengths": {"H2A>H4B": 0.1}, "midpoints": {"H3": 2036.5}},
        "name": "All",
    }
    assert analyst.post("/analysis/run", body).status_code == 202
    model = only_run().model_document
    plain = ("iterations", "seed", "sampler", "dtype", "interventions", "observations", "target_year", "hypotheses")
    assert {key: model["run"][key] for key in plain} == {key: body[key] for key in plain}
    assert model["run"]["stop_when_converged"] is True
    assert model["run"]["evidence_filter"] == body["evidence_filter"]
    assert model["settings"]["causal_network"]["model"] == "independent"
    assert model["hypotheses"][0]["prior_probability"] == 0.7
    assert model["hypotheses"][2]["midpoint_year"] == 2036.5
    edge = next(e for e in model["influences"] if (e["source"], e["target"], e["target_outcome"]) == ("H2", "H4", "B"))
    assert edge["strength"] == 0.1
    assert (model["name"], only_run().name) == ("All", "All")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"iterations": 0}, "iterations"),
        ({"iterations": "4096"}, "iterations"),
        ({"iterations": True}, "iterations"),
        ({"iterations": 10**12}, "iterations"),
        ({"iterations": 10**400}, "iterations"),
        ({"seed": -1}, "seed"),
        ({"sampler": "halton"}, "sampler"),
        ({"model": "magic"}, "model"),
        ({"colour": "red"}, "colour"),
        ({"target_year": 1800}, "target_year"),
        ({"hypotheses": []}, "hypotheses"),
        ({"hypotheses": ["H9"]}, "hypotheses[0]"),
        ({"interventions": [{"hypothesis": "H9", "outcome": "A", "from_year": 2030}]}, "interventions[0].hypothesis"),
        ({"interventions": [{"hypothesis": "H1", "outcome": "C", "from_year": 2030}]}, "interventions[0].outcome"),
        ({"interventions": [{"hypothesis": "H1", "outcome": "A"}]}, "interventions[0].from_year"),
        ({"overrides": {"priors": {"H9": 0.5}}}, "overrides.priors.H9"),
        ({"overrides": {"priors": {"H1": 1.5}}}, "overrides.priors.H1"),
        ({"overrides": {"priors": {"H1": "0.5"}}}, "overrides.priors.H1"),
        ({"overrides": {"weights": {}}}, "overrides.weights"),
        ({"evidence_filter": {"quality_min": 2}}, "evidence_filter.quality_min"),
        ({"evidence_filter": {"hypothesis": "H9"}}, "evidence_filter.hypothesis"),
        ({"name": "x" * 201}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"stop_when_converged": "yes"}, "stop_when_converged"),
    ],
)
def test_refuses_by_name_and_begins_nothing(analyst, body, path):
    answer = analyst.post("/analysis/run", body)
    assert answer.status_code == 400, answer.text
    assert path in [error["path"] for error in answer.json()["errors"]]
    assert not AnalysisRun.objects.exists()
    assert analyst.get("/auth/me").json()["limits"]["analysis_runs"]["remaining"] == 10


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"iterations": NaN}', "application/json", 400),
        (b'{"iterations": 1e999}', "application/json", 400),
        (b'{"iterations"', "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b'{"name": "\\u0000"}', "application/json", 400),
        (b"iterations=5", "application/x-www-form-urlencoded", 415),
        (b'{"name": "' + b"x" * 10_000_000 + b'"}', "application/json", 413),
    ],
)
def test_refuses_other_bodies(analyst, content, kind, status):
    from accounts.tokens import AccessToken

    answer = analyst.client.post(
        "/api/v1/analysis/run",
        content,
        content_type=kind,
        headers={"Authorization": f"Bearer {AccessToken.for_user(analyst.user)}"},
    )
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert not AnalysisRun.objects.exists()


def test_the_stored_answer_to_the_same_question_is_free_and_says_so(analyst, api):
    body = {"iterations": 4096, "seed": 11}
    assert analyst.post("/analysis/run", body).status_code == 202
    first = only_run()
    taken = computation_start(model=AnalysisRun)
    _, result = computed()
    run_succeed(run=taken, result=result)
    other = api("analyst")
    answer = other.post("/analysis/run", body | {"name": "Again"})
    found = answer.json()
    assert (answer.status_code, found["cached"]) == (200, True)
    assert found["scenario_probabilities"] == result["scenario_probabilities"]
    assert found["run_id"] != str(first.pk)
    assert answer["Location"] == f"/api/v1/analysis/{found['run_id']}"
    assert other.get("/auth/me").json()["limits"]["analysis_runs"]["remaining"] == 10
    assert other.get(f"/analysis/{found['run_id']}").json()["name"] == "Again"
    assert other.get(f"/analysis/{first.pk}").status_code == 404
    assert str(first.pk) not in other.get(f"/analysis/{found['run_id']}").text
    assert other.post("/analysis/run", body | {"fresh": True}).status_code == 202


class TestPreferences:
    """RFC 7240: what of Prefer was followed."""

    @pytest.fixture
    def served(self, monkeypatch):
        """As if a worker were there; what is queued is never begun."""
        monkeypatch.setattr("analysis.api.submission.queue_hint", lambda queue: "")

    @pytest.mark.parametrize("path", ["/analysis/run", "/sensitivity", "/robustness"])
    @pytest.mark.parametrize(
        ("prefer", "applied"),
        [
            ("wait=0", "wait=0"),
            ("respond-async", "respond-async"),
            ("respond-async, wait=0", "respond-async, wait=0"),
            ("handling=lenient, Wait=0; x=1", "wait=0"),
            ("respond-async, wait=-1", "respond-async"),
        ],
    )
    def test_says_what_it_followed_of_work_that_goes_on(self, analyst, served, path, prefer, applied):
        body = SMALL if path == "/analysis/run" else {"method": "local"} if path == "/sensitivity" else {}
        answer = analyst.post(path, body, Prefer=prefer)
        assert (answer.status_code, answer["Preference-Applied"]) == (202, applied)
        assert 2 <= int(answer["Retry-After"]) <= 60
        assert answer["Location"] == answer.json()["url"]

    def test_nobody_waits_for_a_worker_that_is_not_there(self, analyst):
        answer = analyst.post("/analysis/run", SMALL, Prefer="wait=20")
        assert answer.status_code == 202
        assert "Preference-Applied" not in answer
        answer = analyst.post("/analysis/run", SMALL | {"seed": 1}, Prefer="wait=20, respond-async")
        assert answer["Preference-Applied"] == "respond-async"

    @pytest.mark.parametrize(("prefer", "applied"), [("wait=100", "wait=25"), ("respond-async", None), ("", None)])
    def test_a_result_that_is_there_was_not_left_for_later(self, analyst, prefer, applied):
        analyst.post("/analysis/run", SMALL)
        taken = computation_start(model=AnalysisRun)
        run_succeed(run=taken, result=computed()[1])
        answer = analyst.post("/analysis/run", SMALL, Prefer=prefer)
        assert (answer.status_code, answer.get("Preference-Applied")) == (200, applied)
        assert "Retry-After" not in answer

    def test_asks_again_when_it_may_be_done(self, analyst, served):
        asked = analyst.post("/analysis/run", SMALL, Idempotency_Key="slow", Prefer="respond-async")
        run_id = asked.json()["run_id"]
        computation_start(model=AnalysisRun)
        for rate, wait in ((512, "8"), (1, "60"), (1e9, "2")):
            AnalysisRun.objects.update(rate=rate, iterations_total=4096)
            answer = analyst.post("/analysis/run", SMALL, Idempotency_Key="slow", Prefer="wait=0")
            assert (answer.json()["run_id"], answer["Retry-After"]) == (run_id, wait)


def test_runs_count_until_the_limit(analyst):
    answers = [analyst.post("/analysis/run", SMALL | {"seed": seed}) for seed in range(11)]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert answers[3]["RateLimit-Remaining"] == "6"
    assert AnalysisRun.objects.count() == 10


def test_a_rerun_asks_the_same_anew(analyst, api):
    old = finished_run(owner=analyst.user, name="First")
    answer = analyst.post(f"/analysis/{old.pk}/rerun")
    assert answer.status_code == 202
    new = AnalysisRun.objects.exclude(pk=old.pk).get()
    assert (new.input_hash, new.cached_from_id, new.name) == (old.input_hash, None, "First")
    assert new.model_document == old.model_document
    old.is_shared = True
    old.save()
    stranger = api("analyst")
    assert stranger.post(f"/analysis/{old.pk}/rerun").status_code == 202
    assert AnalysisRun.objects.filter(owner=stranger.user).count() == 1


class TestIdempotency:
    KEY = {"Idempotency_Key": "morning-run-1"}

    def test_the_same_request_is_the_same_run(self, analyst):
        answers = [analyst.post("/analysis/run", SMALL, **self.KEY) for _ in range(3)]
        assert {answer.json()["run_id"] for answer in answers} == {str(only_run().pk)}
        assert analyst.get("/auth/me").json()["limits"]["analysis_runs"]["remaining"] == 9

    def test_it_stays_the_run_that_was_there_already(self, analyst):
        analyst.post("/analysis/run", SMALL)
        there, now = only_run(), timezone.now()
        ended = {"status": RunStatus.SUCCEEDED, "started_at": now, "finished_at": now, "result": computed()[1]}
        AnalysisRun.objects.update(**ended)
        first = analyst.post("/analysis/run", SMALL, **self.KEY)
        assert (first.status_code, first.json()["cached"]) == (200, True)
        AnalysisRun.objects.update(finished_at=timezone.now() - timedelta(days=1))  # past what is kept as an answer
        again = analyst.post("/analysis/run", SMALL, **self.KEY)
        assert (again.status_code, again.json()) == (200, first.json())
        assert only_run() == there

    def test_another_body_is_refused(self, analyst):
        analyst.post("/analysis/run", SMALL, **self.KEY)
        answer = analyst.post("/analysis/run", SMALL | {"seed": 1}, **self.KEY)
        assert answer.status_code == 422
        assert AnalysisRun.objects.count() == 1

    def test_keys_are_each_users_and_paths_own(self, analyst, api):
        analyst.post("/analysis/run", SMALL, **self.KEY)
        api("analyst").post("/analysis/run", SMALL | {"seed": 1}, **self.KEY)
        run = AnalysisRun.objects.get(owner=analyst.user)
        assert analyst.post(f"/analysis/{run.pk}/rerun", **self.KEY).status_code == 202
        assert AnalysisRun.objects.count() == 3

    def test_a_refused_request_can_be_corrected_under_its_key(self, analyst):
        assert analyst.post("/analysis/run", {"seed": -1}, **self.KEY).status_code == 400
        assert analyst.post("/analysis/run", SMALL, **self.KEY).status_code == 202

    @pytest.mark.parametrize("key", ["", "x" * 256, "tab\tkey"])
    def test_a_key_is_visible_text(self, analyst, key):
        answer = analyst.post("/analysis/run", SMALL, Idempotency_Key=key)
        assert answer.status_code == 400
        assert [error["path"] for error in answer.json()["errors"]] == ["Idempotency-Key"]

    @pytest.mark.django_db(transaction=True, serialized_rollback=True)
    def test_the_same_request_on_two_ways_at_once_is_one_run(self):
        user = UserFactory(role="analyst")

        def ask(_):
            try:
                return Api(user).post("/analysis/run", SMALL, Prefer="respond-async", **self.KEY)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(ask, range(6)))
        assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
        assert {answer.json()["run_id"] for answer in answers} == {str(only_run().pk)}


def test_only_post(analyst):
    answer = analyst.get("/analysis/run")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_engine_and_status_are_on_the_run(analyst):
    analyst.post("/analysis/run", SMALL)
    found = analyst.get(f"/analysis/{only_run().pk}").json()
    assert (found["status"], found["engine_version"]) == (RunStatus.QUEUED, ENGINE_VERSION)
    assert (
        json.loads(analyst.get(f"/analysis/{only_run().pk}/model").content) == model_document_build(**SMALL).to_json()
    )
