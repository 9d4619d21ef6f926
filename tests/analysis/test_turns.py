"""Whose turn it is: rounds among users, so many at a time, and what makes way for what."""

import threading
from datetime import timedelta

import django_rq
import pytest
from django.db import connection
from django.utils import timezone

from aifutures_site.config import get_config
from analysis.choices import RunStatus, WorkQueue
from analysis.models import AnalysisRun
from analysis.progress import progress_of
from analysis.services import lifecycle, turns
from tests.factories import AnalysisRunFactory, RobustnessReportFactory, SensitivityStudyFactory, UserFactory

NOON = timezone.now() - timedelta(hours=1)


@pytest.fixture
def users(db):
    return {name: UserFactory(username=name, role="analyst") for name in ("ada", "bob")} | {"system": None}


def queue(users, names, factory=AnalysisRunFactory, **values):
    """Computations of these owners that wait, the first for the longest; named ada-1, ada-2, bob-1, ..."""
    rows, count = {}, dict.fromkeys(users, 0)
    for minute, name in enumerate(names.split()):
        count[name] += 1
        label = f"{name}-{count[name]}"
        at = NOON + timedelta(minutes=minute)
        rows[label] = factory(name=label, owner=users[name], job_id=label, queued_at=at, **values)
    return rows


def names(found):
    return [row.name for row in found]


def take():
    row = lifecycle.computation_start(model=AnalysisRun)
    return row and row.name


@pytest.mark.sqlite
class TestOrder:
    def test_everybodys_first_comes_before_anybodys_second(self, users):
        queue(users, "ada ada ada bob system bob")
        waiting = turns.in_turn(AnalysisRun)
        assert names(waiting) == ["ada-1", "bob-1", "system-1", "ada-2", "bob-2", "ada-3"]
        assert names(turns.admissible(waiting)) == ["ada-1", "bob-1", "system-1", "ada-2", "bob-2"]

    def test_what_is_worked_on_counts(self, users):
        queue(users, "ada ada ada bob bob")
        assert [take(), take()] == ["ada-1", "bob-1"]
        assert names(turns.in_turn(AnalysisRun)) == ["ada-2", "bob-2", "ada-3"]
        assert [take(), take(), take()] == ["ada-2", "bob-2", None]

    def test_the_systems_own_are_not_limited(self, users):
        queue(users, "system system system system")
        assert [take() for _ in range(5)] == ["system-1", "system-2", "system-3", "system-4", None]

    def test_so_many_as_configured(self, users, monkeypatch):
        limits = get_config().limits.model_copy(update={"running_per_user": 1})
        config = get_config().model_copy(update={"limits": limits})
        monkeypatch.setattr(turns, "get_config", lambda: config)
        queue(users, "ada ada")
        assert [take(), take()] == ["ada-1", None]

    def test_kinds_do_not_stand_in_each_others_way(self, users):
        queue(users, "ada ada")
        queue(users, "ada", SensitivityStudyFactory)
        assert [take(), take()] == ["ada-1", "ada-2"]
        assert names(turns.admissible(turns.in_turn(SensitivityStudyFactory._meta.model))) == ["ada-1"]

    def test_what_is_to_be_cancelled_is_not_waited_for(self, users):
        queue(users, "ada", cancel_requested_at=timezone.now())
        assert take() is None


@pytest.mark.sqlite
class TestPlaces:
    def test_each_that_waits_has_a_place_and_no_other(self, users):
        rows = queue(users, "ada ada bob ada")
        take()
        places = turns.positions(AnalysisRun)
        assert {name: places.get(row.pk) for name, row in rows.items()} == {
            **{"ada-1": None, "bob-1": 1, "ada-2": 2, "ada-3": 3}
        }

    def test_the_place_is_told_while_it_waits(self, users):
        rows = queue(users, "ada ada")
        assert progress_of(rows["ada-2"])["position"] is None, "nobody looked it up"
        assert progress_of(rows["ada-2"], position=2)["position"] == 2


@pytest.mark.sqlite
class TestCalls:
    """Who was held back is called as soon as there is a place."""

    @pytest.fixture
    def held_back(self, users, django_capture_on_commit_callbacks):
        rows = queue(users, "ada ada ada")
        assert [take(), take(), take()] == ["ada-1", "ada-2", None]
        rows = {row.name: row for row in AnalysisRun.objects.all()}
        return rows, lambda: django_capture_on_commit_callbacks(execute=True)

    def test_when_another_of_its_owner_ends(self, held_back):
        rows, committed = held_back
        with committed():
            lifecycle.computation_fail(computation=rows["ada-1"], reason="Too big.")
        assert django_rq.get_queue(WorkQueue.ANALYSIS).count == 1
        assert take() == "ada-3"

    def test_not_before(self, held_back):
        assert lifecycle.computations_reap() == 0
        assert django_rq.get_queue(WorkQueue.ANALYSIS).count == 0

    def test_another_kinds_calls_in_the_same_queue_do_not_count(self, users):
        queue(users, "ada", SensitivityStudyFactory)
        study = lifecycle.KINDS[SensitivityStudyFactory._meta.model]
        report = lifecycle.KINDS[RobustnessReportFactory._meta.model]
        assert study.queue == report.queue
        for _ in range(3):
            django_rq.get_queue(report.queue, commit_mode="auto").enqueue_call(report.job)
        assert lifecycle.computations_reap() == 1
        waiting = [job.func_name for job in django_rq.get_queue(study.queue).get_jobs()]
        assert sorted(waiting) == sorted([study.job, *3 * [report.job]])

    def test_by_the_reaper_where_the_call_was_lost(self, held_back):
        lifecycle.computation_fail(computation=held_back[0]["ada-1"], reason="Too big.")
        assert lifecycle.computations_reap() == 1
        assert lifecycle.computations_reap() == 0


@pytest.mark.sqlite
class TestMakingWay:
    """A run makes way for one that has less left, if that could be taken in its place."""

    def test_for_a_shorter_one(self, users):
        queue(users, "ada bob", iterations_total=1000)
        take()
        run = AnalysisRun.objects.get(name="ada-1")
        assert [turns.shorter_waits(run, left=left) for left in (999, 1000, 1001)] == [False, False, True]

    def test_for_one_of_the_same_user_but_not_for_one_that_is_held_back_all_the_same(self, users):
        queue(users, "ada ada", iterations_total=1000)
        queue({"bob": users["bob"]}, "bob bob", iterations_total=1000)
        for _ in range(4):
            take()
        run = AnalysisRun.objects.get(name="ada-1")
        AnalysisRunFactory(owner=users["bob"], iterations_total=10, job_id="short", queued_at=timezone.now())
        assert not turns.shorter_waits(run, left=1000), "bob has two at work, whether ada makes way or not"
        AnalysisRunFactory(owner=users["ada"], iterations_total=10, job_id="own", queued_at=timezone.now())
        assert turns.shorter_waits(run, left=1000)

    def test_not_for_one_behind_longer_ones_of_a_user_who_has_no_more_places(self, users):
        queue(users, "bob ada ada", iterations_total=1000)
        take()
        run = AnalysisRun.objects.get(name="bob-1")
        AnalysisRunFactory(owner=users["ada"], iterations_total=10, job_id="third", queued_at=timezone.now())
        assert not turns.shorter_waits(run, left=500), "its turn comes after two of its own user's"

    def test_it_goes_to_the_end_and_who_lost_a_worker_keeps_its_place(self, users):
        queue(users, "ada bob system")
        for _ in range(3):
            take()
        for row in AnalysisRun.objects.order_by("-name"):
            lifecycle.computation_requeue(computation=row, reason="...", at_end=row.name == "ada-1")
        assert names(turns.in_turn(AnalysisRun)) == ["bob-1", "system-1", "ada-1"]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_workers_that_ask_at_the_same_time_do_not_exceed_it(users):
    queue(users, "ada ada ada ada bob")
    taken, begin = [], threading.Barrier(5)

    def work():
        try:
            begin.wait()
            taken.append(take())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    running = AnalysisRun.objects.filter(status=RunStatus.RUNNING)
    assert sorted(running.values_list("name", flat=True)) == ["ada-1", "ada-2", "bob-1"]
    assert sorted(filter(None, taken)) == ["ada-1", "ada-2", "bob-1"]
