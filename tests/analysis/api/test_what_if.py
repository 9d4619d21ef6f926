"""POST /what-if: the engine's answer through the interactive queue, the newest question of a user first."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import django_rq
import pytest
from asgiref.sync import async_to_sync
from django.db import connections
from django.test import AsyncClient
from rq.serializers import JSONSerializer

from accounts.tokens import AccessToken
from analysis.api import what_if as api_what_if
from analysis.choices import WorkQueue
from analysis.engine.what_if import what_if
from analysis.services.what_if import what_if_begin
from tests.analysis.api.support import computed, finished_run, interactive_ready
from tests.analysis.api.test_studies import Worker
from tests.factories import UserFactory
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

PRIOR = {"overrides": {"posteriors": {"H1": 0.9}}}


@pytest.fixture
def queue():
    return django_rq.get_queue(WorkQueue.INTERACTIVE)


@pytest.fixture
def work(queue):
    """Answer what waits, in the main thread: RQ needs its signals."""
    interactive_ready()
    return lambda: Worker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True)


@pytest.fixture
def asking(queue, monkeypatch):
    """Ask in another thread, as another process would; gives the answer to come, once the question waits."""
    monkeypatch.setattr(api_what_if, "what_if_begin", partial(what_if_begin, seconds=60))

    def ask(client, body):
        try:
            return client.post("/what-if", body)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:

        def asking(client, body):
            waiting = queue.count
            answer = pool.submit(ask, client, body)
            wait_until(lambda: queue.count > waiting or answer.done(), what="the question")
            return answer

        yield asking


def test_is_the_engines_answer(api, baseline, asking, work):
    coming = asking(api("analyst"), PRIOR)
    work()
    answer = coming.result()
    found = answer.json()
    expected = what_if(computed()[0], **PRIOR, threads=1)
    assert answer.status_code == 200, answer.text
    assert found["run_id"] == str(baseline.pk)
    assert found["scenario_probabilities"] == expected["scenario_probabilities"]
    assert found["change"] == expected["change"]
    assert answer["RateLimit-Limit"] == "600"


IMPOSSIBLE = {
    "interventions": [{"hypothesis": "H2", "outcome": "B", "from_year": 2030}],
    "observations": [{"hypothesis": "H2", "outcome": "A", "from_year": 2040}],
}
TOO_EARLY = {"interventions": [{"hypothesis": "H1", "outcome": "A", "from_year": 1800}]}
NOBODY = {"overrides": {"posteriors": {"H9": 0.5}}}


def test_what_cannot_be_is_refused_by_name(api, baseline, asking, work):
    analyst = api("analyst")
    for body, status, where in (
        (NOBODY, 400, "overrides.posteriors.H9"),
        (TOO_EARLY, 400, "interventions[0].from_year"),
        (IMPOSSIBLE, 422, None),
    ):
        coming = asking(analyst, body)
        work()
        answer = coming.result()
        assert answer.status_code == status, answer.text
        assert [error["path"] for error in answer.json()["errors"]] == [where] * bool(where)


@pytest.mark.parametrize("body", [{"overrides": 5}, {"overrides": {"priors": {"H1": "0.5"}}}, {"iterations": 5}, []])
def test_what_is_no_question_asks_nobody(api, baseline, body):
    assert api("analyst").post("/what-if", body).status_code == 400


def test_of_a_run_that_one_may_see_only(api, asking, work):
    analyst = api("analyst")
    assert analyst.post("/what-if", PRIOR).status_code == 404
    private = finished_run(owner=UserFactory(role="analyst"))
    body = {**PRIOR, "run": str(private.pk)}
    assert analyst.post("/what-if", body).status_code == 404
    assert api("viewer").post("/what-if", PRIOR).status_code == 403
    private.owner = analyst.user
    private.save()
    coming = asking(analyst, body)
    work()
    assert coming.result().status_code == 200


def test_the_newest_question_wins(api, baseline, asking, work):
    analyst = api("analyst")
    older = asking(analyst, PRIOR)
    newer = asking(analyst, {"overrides": {"posteriors": {"H1": 0.1}}})
    work()
    assert (older.result().status_code, newer.result().status_code) == (409, 200)
    assert "newer" in older.result().json()["detail"]


def test_who_waits_holds_no_thread(baseline, monkeypatch):
    monkeypatch.setattr(api_what_if, "what_if_begin", partial(what_if_begin, seconds=1))
    tokens = [AccessToken.for_user(UserFactory(role="analyst")) for _ in range(20)]

    async def ask_at_once():
        body = {"data": PRIOR, "content_type": "application/json"}
        return await asyncio.gather(
            *(
                AsyncClient().post("/api/v1/what-if", **body, headers={"Authorization": f"Bearer {token}"})
                for token in tokens
            )
        )

    began = time.monotonic()
    answers = async_to_sync(ask_at_once)()
    assert time.monotonic() - began < 15, "the tests' one thread would need a second for each"
    assert [answer.status_code for answer in answers] == [503] * 20
