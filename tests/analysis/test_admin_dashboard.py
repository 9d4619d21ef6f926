"""The first page of the admin site: what it counts, and who sees what of it."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analysis.services.workers import Seen
from evidence.models import Evidence, Hypothesis
from tests.factories import AnalysisRunFactory, EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client):
    """The page as somebody with a role sees it."""

    def page(role):
        client.force_login(UserFactory(role=role))
        response = client.get(reverse("admin:index"))
        assert response.status_code == 200
        return response

    return page


@pytest.fixture(autouse=True)
def _only_ours():
    Evidence.objects.all().delete()


def line(page, code="H1"):
    return next(line for line in page.context["lines"] if line.hypothesis.code == code)


def test_items_are_counted_by_hypothesis_and_outcome(page):
    for direction, status, weight, replication in (
        ("A", "approved", 0.5, 0.0),
        ("A", "approved", 0.25, 0.3),
        ("B", "approved", -1.0, 0.0),
        ("B", "draft", -2.0, 0.0),
        ("A", "submitted", 3.0, 0.0),
        ("A", "retired", 3.0, 0.0),
    ):
        EvidenceFactory(direction=direction, status=status, weight=weight, replication=replication)
    found = page("curator")
    one = line(found)
    assert (one.for_a, one.for_b, one.drafts, one.waiting, one.unreplicated) == (2, 1, 1, 1, 2)
    assert one.net == pytest.approx(-0.25)
    assert [item.weight for item in found.context["unreplicated"]] == [-1.0, 0.5]
    assert line(found, "H2").leading is None


def test_a_hypothesis_that_hangs_on_one_source_is_told(page):
    large, small = SourceFactory(), SourceFactory()
    for source, weight in ((large, 1.0), (large, 0.5), (small, -0.5), (SourceFactory(), 0.5)):
        EvidenceFactory(source=source, weight=weight)
    for _ in range(5):
        EvidenceFactory(hypothesis=Hypothesis.objects.get(code="H2"), weight=0.2)
    found = page("curator")
    assert (line(found).leading.source, line(found).leading.share) == (large, pytest.approx(0.6))
    assert line(found, "H2").leading.share == pytest.approx(0.2)
    assert [each.hypothesis.code for each in found.context["leaning"]] == ["H1"]


def test_what_waits_longest_comes_first(page):
    late, early = EvidenceFactory(status="submitted"), EvidenceFactory(status="submitted")
    Evidence.objects.filter(pk=early.pk).update(updated_at=timezone.now() - timedelta(days=9))
    EvidenceFactory(status="draft")
    found = page("curator")
    assert [each.item for each in found.context["waiting"]] == [early, late]
    assert "2 wait for review, the longest for 1\xa0week, 2\xa0days" in found.content.decode()


def test_the_oldest_sources_in_use_are_listed(page):
    old, older = (SourceFactory(publication_date=date(year, 1, 1)) for year in (2015, 2014))
    EvidenceFactory(source=old)
    EvidenceFactory(source=older, status="retired")
    assert page("curator").context["oldest"] == [old]


def test_runs_and_queues_are_for_admins(page, monkeypatch):
    AnalysisRunFactory(queued_at=timezone.now() - timedelta(hours=2))
    AnalysisRunFactory(running=True)
    seen = Seen("worker-1", ("interactive", "analysis"), True, timezone.now())
    monkeypatch.setattr("analysis.admin.dashboard.workers_seen", lambda: [seen])
    found = page("admin")
    assert [(each.name, each.queued, each.running, each.served) for each in found.context["queues"]] == [
        ("Runs", 1, 1, True),
        ("Sensitivity studies", 0, 0, False),
        ("Robustness reports", 0, 0, False),
    ]
    text = found.content.decode()
    assert "1 worker at hand" in text and "worker-1" in text and reverse("django_rq:home") in text
    assert "queues" not in page("curator").context


def test_an_empty_base_and_no_worker_are_told(page):
    text = page("admin").content.decode()
    assert "Nothing waits for review" in text and "No worker is at hand" in text


def test_a_full_base_takes_25_queries_at_most(client):
    for status in ("approved", "submitted", "draft"):
        EvidenceFactory.create_batch(8, status=status)
    AnalysisRunFactory.create_batch(8)
    client.force_login(UserFactory(role="admin"))
    client.get(reverse("admin:index"))
    with CaptureQueriesContext(connection) as captured:
        assert client.get(reverse("admin:index")).status_code == 200
    assert len(captured) <= 25
