"""What followers of a run are told: a real server, a real client; nobody works on what waits here."""

import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone

from analysis import progress
from analysis.choices import RunStatus
from analysis.consumers import FOLLOWED
from analysis.models import AnalysisRun
from analysis.services.lifecycle import computation_cancel
from tests.analysis.sockets.conftest import lose_subscription
from tests.factories import AnalysisRunFactory, SensitivityStudyFactory


def queued_run(owner):
    return AnalysisRunFactory(owner=owner, job_id=uuid4().hex)


def test_a_run_that_waits_is_cancelled_at_once_and_its_other_followers_are_told(analyst, signed_in):
    run = queued_run(analyst)
    with signed_in(analyst) as one, signed_in(analyst) as other:
        assert one.ask("subscribe", run_id=str(run.pk))["status"] == "queued"
        assert other.ask("cancel", run_id=str(run.pk))["type"] == "cancelled"
        assert one.hear()["type"] == "cancelled"


def test_an_end_that_nobody_told_is_read_from_the_database(analyst, signed_in):
    run = queued_run(analyst)
    with signed_in(analyst) as client:
        client.ask("subscribe", run_id=str(run.pk))
        AnalysisRun.objects.filter(pk=run.pk).update(
            status=RunStatus.FAILED, error="Too big.", finished_at=timezone.now(), progress_seq=F("progress_seq") + 1
        )
        end = client.hear()
    assert (end["type"], end["code"], end["message"], end["seq"]) == ("error", "failed", "Too big.", 1)


@pytest.mark.usefixtures("listening")
def test_a_run_that_is_deleted_has_an_end_too(analyst, signed_in):
    run = queued_run(analyst)
    with signed_in(analyst) as client:
        client.ask("subscribe", run_id=str(run.pk))
        run.delete()
        assert client.hear()["code"] == "failed"


def test_a_lost_subscription_is_taken_up_again(analyst, signed_in):
    run = queued_run(analyst)
    with signed_in(analyst) as client:
        client.ask("subscribe", run_id=str(run.pk))
        lose_subscription()
        computation_cancel(computation=run, actor=None)
        assert client.follow(run.pk)[-1]["type"] == "cancelled"


@pytest.mark.usefixtures("listening")
def test_an_older_message_is_not_passed_on_after_a_newer_one(analyst, signed_in):
    run = queued_run(analyst)
    with signed_in(analyst) as client:
        client.ask("subscribe", run_id=str(run.pk))
        for seq in (7, 3, 8):
            run.progress_seq = seq
            progress.progress_publish(computation=run)
        assert [client.hear()["seq"], client.hear()["seq"]] == [7, 8]


@pytest.mark.usefixtures("listening")
def test_messages_that_come_fast_are_thinned_to_four_a_second(analyst, signed_in):
    run = queued_run(analyst)
    with signed_in(analyst) as client:
        client.ask("subscribe", run_id=str(run.pk))
        begun = time.monotonic()
        for seq in range(1, 101):
            run.progress_seq = seq
            progress.progress_publish(computation=run)
            time.sleep(0.01)
        heard = []
        while not heard or heard[-1] < 100:
            heard.append(client.hear()["seq"])
        assert len(heard) <= 4 * (time.monotonic() - begun) + 1


def test_a_study_is_followed_like_a_run(analyst, signed_in):
    study = SensitivityStudyFactory(owner=analyst, steps_total=10, steps_completed=3)
    with signed_in(analyst) as client:
        told = client.ask("subscribe", run_id=str(study.pk))
        assert (told["completed"], told["total"], told["rate"]) == (3, 10, None)
        computation_cancel(computation=study, actor=None)
        assert client.follow(study.pk)[-1]["type"] == "cancelled"  # the present state may be told again before


def test_a_socket_follows_so_many_runs_and_no_more(analyst, signed_in):
    runs = AnalysisRunFactory.create_batch(FOLLOWED + 1, owner=analyst)
    with signed_in(analyst) as client:
        told = [client.ask("subscribe", run_id=str(run.pk)) for run in runs]
    assert [message["type"] for message in told] == ["progress"] * FOLLOWED + ["error"]
    assert (told[-1]["code"], told[-1]["run_id"]) == ("limit", str(runs[-1].pk))


def test_who_waits_is_told_the_place_in_the_queue_and_when_it_changes(analyst, signed_in):
    ahead, run = queued_run(analyst), queued_run(analyst)
    for at, row in enumerate((ahead, run)):
        AnalysisRun.objects.filter(pk=row.pk).update(queued_at=timezone.now() - timedelta(days=9 - at))
    with signed_in(analyst) as client:
        first = client.ask("subscribe", run_id=str(run.pk))
        computation_cancel(computation=ahead, actor=None)
        then = client.hear()
    assert 1 <= then["position"] < first["position"]
    assert first["seq"] == then["seq"], "it is the others that have changed"
