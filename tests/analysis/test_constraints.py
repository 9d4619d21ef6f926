"""What the database itself refuses, whatever code writes."""

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from analysis.models import AnalysisRun, Influence, RunTransition, Scenario, ScenarioCluster
from tests.factories import AnalysisRunFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

NOW = timezone.now()


def assert_refused(row, **values):
    with pytest.raises(DatabaseError), transaction.atomic():
        type(row).objects.filter(pk=row.pk).update(**values)


@pytest.mark.parametrize(
    ("traits", "values"),
    [
        ({}, {"status": "lost"}),
        ({}, {"status": "succeeded", "finished_at": NOW}),  # no result
        ({}, {"status": "succeeded", "result": {}}),  # no time
        ({}, {"status": "failed", "finished_at": NOW}),  # no reason
        ({}, {"status": "running", "started_at": NOW}),  # no attempt
        ({}, {"status": "running", "attempt": 1}),  # no time
        ({}, {"finished_at": NOW}),  # finished, but still queued
        ({}, {"iterations_completed": 4097}),
        ({}, {"iterations_completed": -1}),
        ({}, {"iterations_total": 0}),
        ({}, {"input_hash": "no hash"}),
        ({}, {"published_at": NOW}),  # not finished
        ({"running": True}, {"status": "queued", "finished_at": NOW}),
        ({"succeeded": True}, {"status": "running"}),
        ({"published": True}, {"status": "failed", "error": "no"}),
    ],
)
def test_a_run_is_always_in_a_state_that_makes_sense(traits, values):
    assert_refused(AnalysisRunFactory(**traits), **values)


def test_a_run_is_not_cached_from_itself_and_a_job_has_one_run():
    run, other = AnalysisRunFactory.create_batch(2)
    assert_refused(run, cached_from=run)
    AnalysisRun.objects.filter(pk=run.pk).update(job_id="job")
    assert_refused(other, job_id="job")


def test_a_cached_run_needs_no_result_of_its_own():
    origin = AnalysisRunFactory(succeeded=True, result={"schema": "aifutures.result/1"})
    run = AnalysisRunFactory(succeeded=True, result=None, cached_from=origin)
    assert AnalysisRun.objects.get(pk=run.pk).result_document == {"schema": "aifutures.result/1"}


def test_a_transition_leads_to_a_known_status():
    transition = RunTransition.objects.create(run=AnalysisRunFactory(), status="queued", at=NOW, attempt=0)
    assert_refused(transition, status="lost")


@pytest.mark.parametrize(
    "values",
    [{"strength": -0.1}, {"strength": 1.1}, {"source_outcome": "C"}, {"target_outcome": ""}],
)
def test_influences_hold_what_a_model_can_use(values):
    assert_refused(Influence.objects.first(), **values)


def test_an_influence_is_in_the_network_once_and_never_on_itself():
    first, second = Influence.objects.all()[:2]
    assert_refused(first, target=first.source)
    keys = ("source_id", "source_outcome", "target_id", "target_outcome")
    assert_refused(second, **{key: getattr(first, key) for key in keys})


@pytest.mark.parametrize(
    "values", [{"pattern": "A**C"}, {"pattern": ""}, {"colour": "green"}, {"name": "Constrained Evolution"}]
)
def test_clusters_have_a_pattern_a_colour_and_a_name_of_their_own(values):
    assert_refused(ScenarioCluster.objects.get(name="Adaptive Integration"), **values)


@pytest.mark.parametrize("code", ["", "ABC", "A", "AAAAAAAAA", "BBBBBB"])
def test_scenario_codes_are_letters_a_and_b_and_unique(code):
    assert_refused(Scenario.objects.get(code="AAAAAA"), code=code)
