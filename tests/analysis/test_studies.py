"""Stored sensitivity studies and robustness reports: asked, computed by the job, stopped, cancelled."""

import django_rq
import pytest
from django.urls import reverse

from analysis.choices import RunStatus, WorkQueue
from analysis.engine.robustness import robustness_report
from analysis.engine.sensitivity.request import parse_request
from analysis.engine.sensitivity.study import sensitivity_study
from analysis.engine.spec import ModelError
from analysis.jobs import execution, studies
from analysis.models import RobustnessReport, SensitivityStudy
from analysis.selectors import report_list, study_list
from analysis.services import lifecycle
from analysis.services.model_documents import model_document_build, published_study
from analysis.services.studies import report_create, study_create
from tests.factories import RobustnessReportFactory, SensitivityStudyFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

REQUEST = {"method": "local", "output": "hypothesis:H1", "parameters": ["posterior:H1", "midpoint:H1"]}


@pytest.fixture
def document():
    return model_document_build(model="published", iterations=4096)


@pytest.fixture
def study(document):
    return study_create(document=document, request=REQUEST, owner=None)


def work(row, compute):
    """What the worker does with a queued row."""
    row = lifecycle.computation_start(model=type(row))
    execution.conclude(row, compute, studies.store)
    return type(row).objects.get(pk=row.pk)


def timeless(result):
    return {key: value for key, value in result.items() if key != "computation_time"}


def test_a_study_waits_among_the_short_work(document, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        study = study_create(document=document, request=REQUEST, owner=UserFactory(), name="Mine")
    assert study.job_id in django_rq.get_queue(WorkQueue.DEFAULT).job_ids
    assert (study.method, study.output) == ("local", "hypothesis:H1@2050")
    assert str(study) == "Mine"
    assert parse_request(document, study.request) == parse_request(document, REQUEST)


def test_the_hash_tells_requests_and_models_apart(document, study):
    same = study_create(document=document, request=dict(reversed(REQUEST.items())), owner=None, name="Another name")
    other = study_create(document=document, request=REQUEST | {"output": "hypothesis:H2"}, owner=None)
    elsewhere = study_create(document=model_document_build(model="published", seed=7), request=REQUEST, owner=None)
    assert same.input_hash == study.input_hash
    assert len({study.input_hash, other.input_hash, elsewhere.input_hash}) == 3


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"method": "guess"}, "method"),
        ({"output": "entropy@1066"}, "output"),
        ({"parameters": ["luck"]}, "parameters[0]"),
    ],
)
def test_a_bad_request_is_named_and_nothing_is_stored(document, change, path):
    with pytest.raises(ModelError) as caught:
        study_create(document=document, request=REQUEST | change, owner=None)
    assert caught.value.faults[0].path == path
    assert not SensitivityStudy.objects.exists()


def test_a_report_with_too_many_iterations_is_refused(document):
    with pytest.raises(ModelError, match="iterations"):
        report_create(document=document, owner=None, iterations=10**9)
    assert not RobustnessReport.objects.exists()


def test_a_study_ends_with_what_the_engine_says(document, study):
    study = work(study, studies.sensitivity_compute)
    expected = sensitivity_study(document, parse_request(document, REQUEST))
    assert study.status == RunStatus.SUCCEEDED, study.error
    assert timeless(study.result_document) == timeless(expected)
    assert study.progress == (9, 9)


def test_a_report_ends_with_what_the_engine_says(document):
    report = work(report_create(document=document, owner=None, iterations=4096), studies.robustness_compute)
    priors = {each.code: each.prior_probability for each in published_study().hypotheses}
    expected = robustness_report(document, iterations=4096, published_priors=priors)
    assert report.status == RunStatus.SUCCEEDED, report.error
    assert timeless(report.result_document) == timeless(expected)
    done, total = report.progress
    assert done == total == len(expected["variants"]) + 1


def test_a_worker_that_is_told_to_stop_hands_the_study_back_whole(study, monkeypatch):
    monkeypatch.setattr(execution.stopping, "is_set", lambda: True)
    study = work(study, studies.sensitivity_compute)
    assert (study.status, study.losses) == (RunStatus.QUEUED, 0)
    monkeypatch.undo()
    assert work(study, studies.sensitivity_compute).status == RunStatus.SUCCEEDED


def test_a_study_in_hand_is_cancelled_at_its_next_step(document, monkeypatch):
    report = report_create(document=document, owner=None, iterations=4096)
    monkeypatch.setattr(studies, "PROGRESS_SECONDS", 0)

    def cancel_after_some(*, study, completed, total):
        if completed == 3:
            lifecycle.computation_cancel(computation=study, actor=None)
        return lifecycle.computation_progress(computation=study, steps_completed=completed, steps_total=total)

    monkeypatch.setattr(studies, "study_progress", cancel_after_some)
    report = work(report, studies.robustness_compute)
    assert (report.status, report.steps_completed) == (RunStatus.CANCELLED, 3)


def test_observations_that_cannot_be_fail_with_their_reason():
    document = model_document_build(
        model="published",
        iterations=4096,
        interventions=[{"hypothesis": "H2", "outcome": "B", "from_year": 2030}],
        observations=[{"hypothesis": "H2", "outcome": "A", "from_year": 2040}],
    )
    study = work(study_create(document=document, request=REQUEST, owner=None), studies.sensitivity_compute)
    assert study.status == RunStatus.FAILED
    assert "probability 0" in study.error


def test_lists_leave_documents_in_the_database(django_assert_num_queries):
    SensitivityStudyFactory(owner=UserFactory())
    RobustnessReportFactory(owner=UserFactory())
    admin = UserFactory(role="admin")
    assert admin.role  # read once for each loaded user
    for read in (study_list, report_list):
        with django_assert_num_queries(1):
            (row,) = read(user=admin)
            assert row.owner.username
        assert row.get_deferred_fields() == {"model_document", "result"}


@pytest.mark.parametrize("factory", [SensitivityStudyFactory, RobustnessReportFactory])
class TestAdmin:
    def test_lists_and_pages_show_them(self, client, factory):
        row = factory(succeeded=True, name="Mine", steps_total=9, steps_completed=9, result={"schema": "x"})
        client.force_login(UserFactory(role="admin"))
        address = f"admin:analysis_{row._meta.model_name}"
        for page in (reverse(f"{address}_changelist"), reverse(f"{address}_change", args=[row.pk])):
            response = client.get(page)
            assert response.status_code == 200
            assert b"Mine" in response.content
            assert b"9 of 9" in response.content

    def test_they_are_for_admins_only(self, client, factory):
        client.force_login(UserFactory(role="curator"))
        page = reverse(f"admin:analysis_{factory._meta.model._meta.model_name}_changelist")
        assert client.get(page).status_code == 403
