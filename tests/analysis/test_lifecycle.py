"""What the life of a computation has in common, whatever its kind (runs in detail: test_run_services)."""

from datetime import timedelta

import django_rq
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from aifutures_site.config import get_config
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.services import lifecycle
from tests.factories import AnalysisRunFactory, RobustnessReportFactory, SensitivityStudyFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

FACTORIES = [AnalysisRunFactory, SensitivityStudyFactory, RobustnessReportFactory]
each_kind = pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory._meta.model.__name__)


@pytest.fixture
def create(django_capture_on_commit_callbacks):
    """Create a computation like the given one, and run what was to come after the commit."""

    def create(like, *, fresh=False, admit=lambda: None, **changes):
        with django_capture_on_commit_callbacks(execute=True):
            new = like._meta.model(**inputs(like) | changes)
            return lifecycle.computation_create(computation=new, fresh=fresh, admit=admit)

    return create


def inputs(row):
    """What a computation is created from."""
    names = ("model_document", "input_hash", "engine_version", "request", "method", "output", "iterations_total")
    return {name: getattr(row, name) for name in names if hasattr(row, name)}


def queued(factory):
    """A valid row that waits for its job."""
    return factory(model_document={"name": "A model"}, job_id=f"job-{timezone.now().timestamp()}".replace(".", "-"))


def computed(factory, **values):
    """One that ended well a moment ago."""
    values = {"finished_at": timezone.now(), "result": {"answer": 42}} | values
    return factory(succeeded=True, model_document={"name": "A model"}, **values)


def history(row):
    return [transition.status for transition in row.transitions.all()]


@each_kind
def test_a_life_from_the_queue_to_the_result(factory, create):
    row = create(computed(factory), fresh=True)
    model, kind = type(row), lifecycle.KINDS[type(row)]
    assert row.job_id in django_rq.get_queue(kind.queue).job_ids
    row = lifecycle.computation_start(model=model)
    assert lifecycle.computation_progress(computation=row) is False
    lifecycle.computation_succeed(computation=row, result={"answer": 42})
    row = model.objects.get(pk=row.pk)
    assert (row.status, row.result_document, row.progress_seq) == (RunStatus.SUCCEEDED, {"answer": 42}, 3)
    assert history(row) == ["queued", "running", "succeeded"]


@each_kind
def test_what_loses_its_worker_is_queued_again_and_given_up_at_the_third_loss(factory):
    row = queued(factory)
    model = type(row)
    for loss in range(1, lifecycle.MAX_LOSSES + 1):
        taken = lifecycle.computation_start(model=model)
        model.objects.filter(pk=row.pk).update(heartbeat_at=timezone.now() - 2 * lifecycle.SILENCE)
        assert lifecycle.computations_reap() > 0
        row = model.objects.get(pk=row.pk)
        assert row.losses == min(loss, lifecycle.MAX_LOSSES - 1)
        with pytest.raises(lifecycle.Superseded):
            lifecycle.computation_heartbeat(computation=taken)
    assert row.status == RunStatus.FAILED
    assert f"computed this {model._meta.verbose_name}" in row.error


@each_kind
def test_what_waits_is_cancelled_at_once_and_what_runs_when_its_worker_looks(factory):
    assert lifecycle.computation_cancel(computation=queued(factory), actor=None).status == RunStatus.CANCELLED
    row = queued(factory)
    row = lifecycle.computation_start(model=type(row))
    assert lifecycle.computation_cancel(computation=row, actor=None).status == RunStatus.RUNNING
    assert lifecycle.computation_progress(computation=row) is True
    lifecycle.computation_stop_cancelled(computation=row)
    assert lifecycle.computation_cancel(computation=row, actor=None).status == RunStatus.CANCELLED
    ended = factory(succeeded=True)
    assert lifecycle.computation_cancel(computation=ended, actor=None).cancel_requested_at is None


class TestCache:
    @each_kind
    def test_an_equal_computation_answers_at_once_and_belongs_to_who_asked(self, factory, create):
        origin = computed(factory, owner=UserFactory(role="analyst"))
        asker = UserFactory(role="analyst")
        row = create(origin, owner=asker)
        row = type(row).objects.get(pk=row.pk)
        assert (row.status, row.owner, row.cached_from_id) == (RunStatus.SUCCEEDED, asker, origin.pk)
        assert (row.result_document, row.progress) == ({"answer": 42}, origin.progress)
        assert (row.job_id, history(row)) == ("", ["succeeded"])
        assert django_rq.get_queue(lifecycle.KINDS[type(row)].queue).count == 0
        again = create(origin)
        assert again.cached_from_id == origin.pk, "what is cached is nobody's origin"

    @each_kind
    def test_who_has_an_equal_one_gets_it_back(self, factory, create):
        origin, asker = computed(factory, owner=UserFactory()), UserFactory()
        rows = [create(origin, owner=asker, name=f"Number {number}") for number in range(3)]
        assert {row.pk for row in rows} == {rows[0].pk} != {origin.pk}
        assert create(origin, owner=origin.owner).pk == origin.pk
        assert type(origin).objects.count() == 2
        assert create(origin, owner=asker, fresh=True).status == RunStatus.QUEUED

    @each_kind
    @pytest.mark.parametrize(
        ("known", "asked"),
        [
            ({}, {"fresh": True}),
            ({}, {"input_hash": "1" * 64}),
            ({}, {"engine_version": "2"}),
            ({"finished_at": timezone.now() - timedelta(days=1)}, {}),
        ],
        ids=["fresh", "other inputs", "another engine", "long ago"],
    )
    def test_anything_else_is_computed(self, factory, create, known, asked):
        row = create(computed(factory, **known), **asked)
        assert (row.status, row.cached_from) == (RunStatus.QUEUED, None)
        assert row.job_id in django_rq.get_queue(lifecycle.KINDS[type(row)].queue).job_ids

    @pytest.mark.parametrize("setting", [{"enable_result_cache": False}, {"cache_ttl": 0}])
    def test_it_can_be_turned_off(self, create, monkeypatch, setting):
        config = get_config()
        changed = config.model_copy(update={"service": config.service.model_copy(update=setting)})
        monkeypatch.setattr(lifecycle, "get_config", lambda: changed)
        assert create(computed(AnalysisRunFactory)).status == RunStatus.QUEUED

    def test_only_what_ended_well_answers(self, create):
        failed = AnalysisRunFactory(failed=True, model_document={"name": "A model"})
        assert create(failed).status == RunStatus.QUEUED


class TestAdmission:
    """Whoever limits how much is computed is asked when there is something to compute."""

    @staticmethod
    def refuse():
        raise PermissionError

    @each_kind
    def test_who_is_refused_leaves_nothing_behind(self, factory, create):
        like = factory(model_document={"name": "A model"})
        with pytest.raises(PermissionError):
            create(like, admit=self.refuse)
        assert type(like).objects.count() == 1
        assert django_rq.get_queue(lifecycle.KINDS[type(like)].queue).count == 0

    def test_a_stored_answer_is_free(self, create):
        assert create(computed(AnalysisRunFactory), admit=self.refuse).status == RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("wrong", "error"), [({"name": "n" * 201}, ValidationError), ({"input_hash": "no hash"}, IntegrityError)]
)
def test_a_row_that_makes_no_sense_is_refused(create, wrong, error):
    like = queued(AnalysisRunFactory)
    with pytest.raises(error), transaction.atomic():
        create(like, **wrong)
    assert list(AnalysisRun.objects.all()) == [like]


@each_kind
@pytest.mark.parametrize(
    ("role", "names"),
    [
        (None, set()),
        ("viewer", {"own", "shared"}),
        ("analyst", {"own", "shared"}),
        ("admin", {"own", "shared", "private"}),
    ],
)
def test_who_sees_which(factory, role, names):
    user, stranger = UserFactory(role=role), UserFactory(role="analyst")
    factory(name="own", owner=user)
    factory(name="private", owner=stranger)
    factory(name="shared", owner=stranger, is_shared=True)
    seen = factory._meta.model.objects.visible_to(user)
    assert set(seen.values_list("name", flat=True)) == names


@each_kind
def test_a_worker_that_comes_back_while_another_is_taken_for_dead_keeps_its_own(factory, monkeypatch):
    model, take = factory._meta.model, lifecycle._take_from_the_dead
    queued(factory)
    queued(factory)
    taken = [lifecycle.computation_start(model=model) for _ in range(2)]
    model.objects.update(heartbeat_at=timezone.now() - 2 * lifecycle.SILENCE)

    def take_slowly(computation):
        (other,) = (each for each in taken if each.pk != computation.pk)
        lifecycle.computation_heartbeat(computation=other)
        take(computation)

    monkeypatch.setattr(lifecycle, "_take_from_the_dead", take_slowly)
    assert lifecycle.computations_reap() > 0
    assert sorted(model.objects.values_list("status", flat=True)) == [RunStatus.QUEUED, RunStatus.RUNNING]


@each_kind
@pytest.mark.parametrize("seconds", [-3600, 3600], ids=["an hour ago", "in an hour"])
def test_a_worker_whose_signs_of_life_are_from_another_time_is_taken_for_dead(factory, seconds):
    queued(factory)
    taken = lifecycle.computation_start(model=factory._meta.model)
    rows = type(taken).objects.filter(pk=taken.pk)
    rows.update(heartbeat_at=timezone.now() + timedelta(seconds=seconds))
    assert lifecycle.computations_reap() > 0
    assert rows.get().status == RunStatus.QUEUED
