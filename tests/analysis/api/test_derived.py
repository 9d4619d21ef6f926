"""What follows from stored runs: comparisons and evidence influence, by a worker and from the cache."""

import copy
import json
from itertools import permutations

import django_rq
import numpy as np
import pytest
from rq.serializers import JSONSerializer

from analysis.engine.comparison import compare
from analysis.engine.influence import evidence_influence
from analysis.engine.simulate import simulate
from analysis.jobs import derived
from analysis.services import derived as service
from analysis.services.derived import INFLUENCE, QUEUE, Question, answer_ask
from analysis.services.model_documents import model_document_build
from evidence.choices import Direction
from tests.analysis.api.support import finished_run
from tests.analysis.api.test_studies import Worker
from tests.factories import AnalysisRunFactory, EvidenceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def work(monkeypatch):
    """Do what waits, in this process and within the test's transaction; gives the number of jobs."""
    monkeypatch.setattr(derived, "close_old_connections", lambda: None)
    queue = django_rq.get_queue(QUEUE)

    def work():
        jobs = queue.count
        Worker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True)
        return jobs

    return work


@pytest.fixture
def items():
    """Three items of evidence, two of one group."""
    return [
        EvidenceFactory(public_id="T-1", direction=Direction.A, strength=0.9, dependency_group="labs"),
        EvidenceFactory(public_id="T-2", direction=Direction.B, dependency_group="labs"),
        EvidenceFactory(public_id="T-3", direction=Direction.A, authority=0.1, methodology=0.1, replication=0.0),
    ]


def test_a_question_that_could_not_be_queued_may_be_asked_again(monkeypatch):
    question = Question(INFLUENCE, ("a run", "an output"))
    with monkeypatch.context() as lost:
        lost.setattr(service, "QUEUE", "no such queue")
        with pytest.raises(KeyError):
            answer_ask(question=question)
    answer_ask(question=question)
    assert django_rq.get_queue(QUEUE).count == 1


def run_of(document, **fields):
    return AnalysisRunFactory(
        succeeded=True, model_document=document.to_json(), result=simulate(document, threads=1), **fields
    )


def run_of_equal(run):
    return AnalysisRunFactory(
        owner=run.owner, succeeded=True, model_document=run.model_document, result=run.result_document
    )


def twin_of(run, owner, words=None, **changes):
    """A run of somebody else that was answered by the given one's result."""
    document = copy.deepcopy(run.model_document) | changes
    document["hypotheses"][0].update(words or {})
    return AnalysisRunFactory(owner=owner, succeeded=True, model_document=document, result=None, cached_from=run)


class TestCompare:
    @pytest.fixture
    def owner(self, api):
        return api("analyst")

    @pytest.fixture
    def documents(self, items):
        before = model_document_build(iterations=4096)
        items[0].strength = 0.2
        items[0].save()
        return before, model_document_build(iterations=4096)

    @pytest.fixture
    def runs(self, owner, documents):
        return [run_of(document, owner=owner.user) for document in documents]

    @pytest.fixture
    def path(self, runs):
        return f"/analysis/compare?runs={runs[0].pk},{runs[1].pk}"

    def test_is_the_engines_comparison_computed_once(self, owner, runs, documents, path, work):
        first = owner.get(path)
        assert (first.status_code, first["Retry-After"]) == (202, "2")
        assert "manage.py worker" in first.json()["hint"]
        assert owner.get(path).status_code == 202
        assert work() == 1
        found = owner.get(path)
        expected = compare(documents[0], runs[0].result, documents[1], runs[1].result, threads=1)
        assert found.json() == json.loads(json.dumps(expected))
        assert owner.get(path, If_None_Match=found["ETag"]).status_code == 304
        assert any("T-1" in change["path"] for change in found.json()["changes"])

    def test_viewers_read_nothing_of_the_models(self, api, owner, runs, path, work):
        for run in runs:
            run.is_shared = True
            run.save()
        viewer = api("viewer")
        viewer.get(path)
        work()
        full, short = owner.get(path), viewer.get(path)
        assert full.json().keys() - short.json().keys() == {"changes", "attribution"}
        assert "T-1" not in short.text
        assert full["ETag"] != short["ETag"]
        remaining = viewer.get("/auth/me").json()["limits"]["analysis_runs"]["remaining"]
        assert remaining == 9  # what was kept is free

    def test_what_has_to_be_computed_counts_like_a_run(self, api, owner, runs):
        viewer = api("viewer")
        for run in [*runs, *(more := [run_of_equal(runs[0]) for _ in range(4)])]:
            run.is_shared = True
            run.save()
        pairs = [f"{one.pk},{other.pk}" for one, other in permutations([*runs, *more], 2)][:11]
        for who in (viewer, owner):
            statuses = [who.get(f"/analysis/compare?runs={pair}").status_code for pair in pairs]
            assert statuses == ([202] * 10 + [429] if who is viewer else [202] * 11), "what is asked already is free"

    def test_twins_share_one_computation_and_no_words(self, api, runs, path, work):
        api(runs[0].owner).get(path)
        assert work() == 1
        stranger = api("analyst")
        named = twin_of(runs[0], stranger.user, name="A stranger's")
        told = twin_of(runs[1], stranger.user)
        found = stranger.get(f"/analysis/compare?runs={named.pk},{told.pk}")
        assert (found.status_code, found.json()["before"]["name"]) == (200, "A stranger's")
        described = twin_of(runs[1], stranger.user, words={"outcome_a": "a secret merger"})
        assert stranger.get(f"/analysis/compare?runs={named.pk},{described.pk}").status_code == 202

    def test_others_private_runs_are_not_there(self, api, runs, path):
        runs[0].is_shared = True
        runs[0].save()
        assert api("analyst").get(path).status_code == 404
        assert api("admin").get(path).status_code == 202

    def test_runs_that_cannot_be_compared_say_why(self, owner, runs, work):
        short = run_of(model_document_build(iterations=4096, hypotheses=["H1", "H2"]), owner=owner.user)
        path = f"/analysis/compare?runs={runs[0].pk},{short.pk}"
        owner.get(path)
        work()
        answer = owner.get(path)
        assert (answer.status_code, "hypotheses" in answer.json()["detail"]) == (422, True)

    def test_refuses_what_are_no_two_finished_runs(self, owner, runs):
        one = runs[0].pk
        for query in ("", f"runs={one}", f"runs={one},{one}", f"runs={one},x", f"runs={one},{one},{one}"):
            answer = owner.get(f"/analysis/compare?{query}")
            assert [error["path"] for error in answer.json()["errors"]] == ["runs"]
        queued = AnalysisRunFactory(owner=owner.user)
        assert owner.get(f"/analysis/compare?runs={one},{queued.pk}").status_code == 409

    def test_a_failure_is_told_and_tried_again(self, owner, path, work, monkeypatch):
        owner.get(path)
        with monkeypatch.context() as broken:
            broken.setattr(derived, "compare", lambda *_, **__: 1 / 0)
            work()
        assert owner.get(path).status_code == 503
        django_rq.get_connection("default").flushdb()
        owner.get(path)
        work()
        assert owner.get(path).status_code == 200

    def test_too_little_memory_is_a_reason(self, owner, path, work, monkeypatch):
        monkeypatch.setattr(derived, "compare", lambda *_, **__: np.ones(2**46))
        owner.get(path)
        work()
        answer = owner.get(path)
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("there was not enough memory for it; runs of fewer years")


class TestInfluence:
    @pytest.fixture
    def document(self, items):
        return model_document_build(iterations=4096)

    @pytest.fixture
    def published(self, document):
        return run_of(document, published=True)

    @pytest.fixture
    def analyst(self, api, published):
        return api("analyst")

    def test_of_an_item_its_source_and_its_group(self, analyst, document, items, published, work):
        assert analyst.get("/evidence/T-1/influence").status_code == 202
        assert work() == 1
        found = analyst.get("/evidence/T-1/influence").json()
        expected = evidence_influence(document, "entropy@2050", threads=1)
        assert found["item"] == next(each for each in expected["items"] if each["id"] == "T-1")
        assert found["group"]["id"] == "labs"
        assert found["source"]["id"] == items[0].source.key
        assert (found["counts"], found["run_id"], found["output"]) == (True, str(published.pk), "entropy@2050")

    def test_all_items_and_hypotheses_share_one_computation(self, analyst, work):
        analyst.get("/evidence/T-1/influence")
        analyst.get("/evidence/T-2/influence?output=entropy@2050")
        analyst.get("/hypotheses/H1/influence")
        assert work() == 1
        limits = analyst.get("/auth/me").json()["limits"]
        assert limits["analysis_runs"]["remaining"] == 9
        found = analyst.get("/hypotheses/H1/influence").json()
        assert [each["id"] for each in found["items"]] == ["T-1", "T-2"]
        assert found["dependence"]["source"]
        assert analyst.get("/auth/me").json()["limits"] == limits
        assert analyst.get("/hypotheses/H2/influence").json()["items"] == []

    def test_an_item_that_does_not_count_says_why(self, analyst, work):
        analyst.get("/evidence/T-3/influence")
        work()
        found = analyst.get("/evidence/T-3/influence").json()
        assert (found["counts"], found["item"]) == (False, None)
        assert "quality" in found["reason"]
        EvidenceFactory(public_id="T-4")
        found = analyst.get("/evidence/T-4/influence").json()
        assert (found["counts"], found["reason"]) == (False, "It is not in the run's model.")

    def test_only_of_what_one_may_see(self, api, analyst):
        private = finished_run(owner=UserFactory(role="analyst"))
        assert analyst.get(f"/evidence/T-1/influence?run={private.pk}").status_code == 404
        assert analyst.get(f"/hypotheses/H1/influence?run={private.pk}").status_code == 404
        EvidenceFactory(public_id="T-9", status="draft")
        assert analyst.get("/evidence/T-9/influence").status_code == 404
        assert analyst.get("/hypotheses/H9/influence").status_code == 404
        assert api("viewer").get("/evidence/T-1/influence").status_code == 403
        answer = analyst.get("/evidence/T-1/influence?output=luck")
        assert [error["path"] for error in answer.json()["errors"]] == ["output"]
