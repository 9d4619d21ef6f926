"""Waiting for an end: told as it comes, whoever brings it, and with few looks at the database."""

import asyncio
import time

import pytest
from django.db import connection

from analysis.api import waiting
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.services import lifecycle
from analysis.services.derived import Question, answer_find, answer_keep
from tests.factories import AnalysisRunFactory

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

LATE = 60.0


@pytest.fixture
def wait(monkeypatch):
    """Wait for what `look` gives while `happen` is done after the first look; gives it, and the number of looks."""
    monkeypatch.setattr(waiting, "LOOK_AGAIN", LATE)

    def wait(look, happen, *, name, seconds=LATE / 2):
        looks = []

        def counted():
            looks.append(look())
            return looks[-1]

        def work():
            try:
                happen()
            finally:
                connection.close()

        async def both():
            found = asyncio.create_task(waiting.settled(counted, seconds, name=name))
            while len(looks) < 2:  # the second look says that it listens
                await asyncio.sleep(0.01)
            await asyncio.to_thread(work)
            return await found

        return asyncio.run(both()), len(looks)

    return wait


def test_a_run_that_another_call_computes_is_told_as_it_ends(wait):
    run, begun = AnalysisRunFactory(job_id="long-gone"), time.monotonic()

    def compute():
        taken = lifecycle.computation_start(model=AnalysisRun)
        lifecycle.computation_succeed(computation=taken, result={"answer": 42})

    found, looks = wait(lambda: AnalysisRun.objects.get(pk=run.pk), compute, name=str(run.pk))
    assert found.status == RunStatus.SUCCEEDED
    assert time.monotonic() - begun < LATE / 4, "it was told, not looked up at the end of the time"
    assert looks <= 4


def test_who_waits_behind_others_looks_no_more_than_now_and_then(wait):
    run, other = AnalysisRunFactory(job_id="long-gone"), AnalysisRunFactory(job_id="other")
    found, looks = wait(
        lambda: AnalysisRun.objects.get(pk=run.pk),
        lambda: lifecycle.computation_cancel(computation=other, actor=None),
        name=str(run.pk),
        seconds=1,
    )
    assert found.status == RunStatus.QUEUED
    assert looks <= 3


def test_an_answer_is_told_as_it_is_kept(wait):
    question, begun = Question("analysis.jobs.nothing", ("a",)), time.monotonic()
    found, _ = wait(
        lambda: answer_find(question=question),
        lambda: answer_keep(question=question, document={"answer": 42}),
        name=question.job_id,
    )
    assert found.document == {"answer": 42}
    assert time.monotonic() - begun < LATE / 4
