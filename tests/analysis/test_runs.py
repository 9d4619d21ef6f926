"""Who sees which runs, what lists load, and publication."""

import io

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from analysis.models import AnalysisRun
from analysis.selectors import baseline_run, run_list
from analysis.services.publication import run_publish
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("role", "names"),
    [
        (None, set()),
        ("viewer", {"own", "shared", "published"}),
        ("analyst", {"own", "shared", "published"}),
        ("curator", {"own", "shared", "published"}),
        ("admin", {"own", "shared", "published", "private"}),
    ],
)
def test_who_sees_which_runs(role, names):
    user, stranger = UserFactory(role=role), UserFactory(role="analyst")
    AnalysisRunFactory(name="own", owner=user)
    AnalysisRunFactory(name="private", owner=stranger)
    AnalysisRunFactory(name="shared", owner=stranger, is_shared=True)
    AnalysisRunFactory(name="published", owner=stranger, published=True)
    assert set(run_list(user=user).values_list("name", flat=True)) == names


@pytest.mark.sqlite
def test_active_runs_wait_or_are_worked_on():
    AnalysisRunFactory(name="waits")
    AnalysisRunFactory(name="works", running=True)
    AnalysisRunFactory(failed=True)
    AnalysisRunFactory(succeeded=True)
    assert set(AnalysisRun.objects.active().values_list("name", flat=True)) == {"waits", "works"}


def test_lists_leave_documents_and_checkpoints_in_the_database(django_assert_num_queries):
    AnalysisRunFactory(checkpoint=b"state", owner=UserFactory())
    admin = UserFactory(role="admin")
    assert admin.role  # read once for each loaded user
    with django_assert_num_queries(1):
        (run,) = run_list(user=admin)
        assert run.owner.username
    assert run.get_deferred_fields() == set(AnalysisRun.heavy_fields)
    with django_assert_num_queries(1):
        assert bytes(run.checkpoint) == b"state"


def test_a_run_has_a_name_for_people_and_knows_its_state():
    run = AnalysisRunFactory(name="", succeeded=True)
    assert str(run) == f"Run {run.short_id}"
    assert run.is_final
    assert not run.is_published


class TestPublication:
    @pytest.mark.sqlite
    def test_the_run_published_last_is_the_baseline(self):
        assert baseline_run() is None
        first, second = AnalysisRunFactory.create_batch(2, succeeded=True)
        admin = UserFactory(role="admin")
        run_publish(run=first, actor=admin, note="the first")
        run_publish(run=second, actor=admin, note="new sources")
        assert baseline_run() == second
        assert list(AnalysisRun.objects.published()) == [second, first]
        first = AnalysisRun.objects.get(pk=first.pk)
        assert (first.published_by, first.publication_note) == (admin, "the first")
        run_publish(run=first, actor=admin, note="back to it")
        assert baseline_run() == first

    @pytest.mark.parametrize(
        ("traits", "words"),
        [
            ({}, "Only a run that succeeded can be published; Mine is queued."),
            ({"running": True}, "Only a run that succeeded can be published; Mine is running."),
            ({"failed": True}, "Only a run that succeeded can be published; Mine is failed."),
            ({"published": True}, "Mine is the baseline already."),
        ],
    )
    def test_what_cannot_be_published_is_refused_with_the_reason(self, traits, words):
        with pytest.raises(ValidationError) as caught:
            run_publish(run=AnalysisRunFactory(name="Mine", **traits), actor=None)
        assert caught.value.messages == [words]

    @pytest.mark.parametrize(
        ("chosen", "word"),
        [
            ({"interventions": [{"hypothesis": "H2", "outcome": "A", "from_year": 2035}]}, "interventions"),
            ({"observations": [{"hypothesis": "H2", "outcome": "A", "from_year": 2035}]}, "observations"),
            ({"hypotheses": ["H1"]}, "fewer hypotheses"),
            ({"evidence_filter": {"quality_min": 0.6, "sources": [], "hypothesis": None}}, "filtered evidence"),
        ],
    )
    def test_a_run_that_supposes_something_is_no_baseline(self, chosen, word):
        run = AnalysisRunFactory(succeeded=True, model_document={"run": chosen})
        with pytest.raises(ValidationError, match=word):
            run_publish(run=run, actor=None)
        assert baseline_run() is None

    def test_the_command_publishes(self):
        run, out = AnalysisRunFactory(succeeded=True, name="Mine"), io.StringIO()
        call_command("publish_run", run.short_id, "--note", "new sources", stdout=out)
        assert out.getvalue() == f"Mine ({run.pk}) is the baseline.\n"
        assert baseline_run().publication_note == "new sources"

    @pytest.mark.parametrize("traits", [{}, {"failed": True}])
    def test_the_command_refuses_with_exit_status_2(self, traits):
        run = AnalysisRunFactory(**traits)
        for run_id in (str(run.pk), "ffffffff"):
            with pytest.raises(CommandError) as caught:
                call_command("publish_run", run_id)
            assert caught.value.returncode == 2
