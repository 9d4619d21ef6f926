"""The messages about a computation, and their sender."""

import json
import math
import time

import pytest
import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.services import tokens_end
from analysis import progress
from analysis.services import lifecycle
from analysis.services.sharing import computation_share
from analysis.sockets.snapshots import snapshot_of
from tests.factories import AnalysisRunFactory, RobustnessReportFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def said():
    """What has been published since: so many messages, and whatever else is there by then."""
    with redis.Redis.from_url(settings.REDIS_URL) as client, client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(progress.CHANNEL, "accounts:changed")
        heard.get_message(timeout=60)
        heard.get_message(timeout=60)

        def collect(expected):
            found, until = [], time.monotonic() + 10
            while (message := heard.get_message(timeout=0.05)) or (len(found) < expected and time.monotonic() < until):
                if message:
                    found.append(json.loads(message["data"]))
            return found

        yield collect


def test_a_running_runs_message_says_everything():
    run = AnalysisRunFactory(running=True, iterations_total=8192, progress_seq=3)
    run.iterations_completed, run.rate, run.max_half_width = 2048, 1024.0, 0.01
    message = progress.progress_of(run)
    assert set(message) == set(progress.Progress.__annotations__)
    told = [message[key] for key in ("type", "run_id", "seq", "status", "completed", "total", "rate", "eta_seconds")]
    assert told == ["progress", str(run.pk), 3, "running", 2048, 8192, 1024.0, 6.0]
    assert json.loads(progress.text_of(message)) == message


def test_nobody_knows_the_rate_of_what_waits_or_of_a_report():
    run = AnalysisRunFactory(rate=1000.0)
    report = RobustnessReportFactory(running=True, steps_total=9, steps_completed=4)
    assert [progress.progress_of(each)["eta_seconds"] for each in (run, report)] == [None, None]
    assert progress.progress_of(report)["completed"] == 4


def test_a_result_tells_the_means_of_its_origin_too():
    origin = AnalysisRunFactory(succeeded=True, result={"scenario_probabilities": {"A": 0.25, "B": 0.75}})
    cached = AnalysisRunFactory(succeeded=True, result=None, cached_from=origin)
    message = json.loads(snapshot_of(cached).text)
    assert (message["scenarios"], message["probabilities"]) == (["A", "B"], [0.25, 0.75])
    assert message["result_url"].endswith(f"/{cached.pk}/result")


def test_every_change_is_told_after_the_commit_with_a_higher_number(said, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        run = AnalysisRunFactory(model_document={"name": "A model"}, job_id="a-job")
        run = lifecycle.computation_start(model=type(run))
        assert said(0) == []
    with django_capture_on_commit_callbacks(execute=True):
        lifecycle.computation_progress(computation=run, iterations_completed=100)
        lifecycle.computation_fail(computation=run, reason="Too big.")
    started, step, ended = said(3)
    assert [started["type"], step["type"], ended["type"]] == ["changed", "progress", "changed"]
    assert (step["seq"], step["completed"]) == (2, 100)
    end = snapshot_of(type(run).objects.get(pk=run.pk))
    assert (end.seq, end.is_final, json.loads(end.text)["message"]) == (3, True, "Too big.")


def test_who_may_see_less_is_told_about(said, django_capture_on_commit_callbacks):
    user = UserFactory(role="analyst")
    run = AnalysisRunFactory(owner=user, is_shared=True)
    said(0)
    with django_capture_on_commit_callbacks(execute=True):
        computation_share(computation=run, actor=user, shared=False)
        tokens_end(user=user)
    assert said(2) == [{"type": "closed", "run_id": str(run.pk)}, user.pk]


def test_who_may_see_less_is_told_about_though_redis_was_lost_just_now(
    said, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(progress, "_sender", progress._Sender())
    with monkeypatch.context() as lost:
        lost.setattr(progress, "connection", lambda: redis.Redis(port=1, retry=Retry(NoBackoff(), 1)))
        progress.progress_publish(computation=AnalysisRunFactory(running=True))
    user = UserFactory(role="analyst")
    run = AnalysisRunFactory(owner=user, is_shared=True)
    with django_capture_on_commit_callbacks(execute=True):
        computation_share(computation=run, actor=user, shared=False)
    assert said(1) == [{"type": "closed", "run_id": str(run.pk)}]


def test_a_lost_redis_and_a_number_that_is_none_stop_no_run(monkeypatch):
    run = AnalysisRunFactory(running=True, iterations_completed=4096, max_half_width=math.inf)
    monkeypatch.setattr(progress, "_sender", progress._Sender())
    progress.progress_publish(computation=run)
    monkeypatch.setattr(progress, "_sender", progress._Sender())
    tried = []
    lost = redis.Redis(port=1, retry=Retry(NoBackoff(), 1))
    monkeypatch.setattr(progress, "connection", lambda: tried.append(1) or lost)
    run.max_half_width = None
    for _ in range(1000):
        progress.progress_publish(computation=run)
    assert 1 <= len(tried) < 10
