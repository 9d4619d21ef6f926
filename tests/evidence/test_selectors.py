"""Lists, searches and histories, and who sees what of them."""

from datetime import date

import pytest

from evidence.models import Evidence, Hypothesis
from evidence.selectors import evidence_by_id, evidence_history, evidence_list, source_list
from evidence.services.items import evidence_create, evidence_edit
from evidence.services.reviews import evidence_approve, evidence_submit
from tests.evidence.test_items import content
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def analyst():
    return UserFactory(role="analyst")


@pytest.fixture
def curator():
    return UserFactory(role="curator")


def names(user, **filters):
    return {item.public_id for item in evidence_list(user=user, filters=filters)}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, {"one", "two", "three"}),
        ({"hypothesis": "H2"}, {"two"}),
        ({"min_quality": 0.6}, {"two", "three"}),
        ({"direction": "B"}, {"three"}),
        ({"status": "draft"}, {"three"}),
        ({"source_type": "think_tank"}, {"one"}),
        ({"source": "example.org/two"}, {"two"}),
        ({"dependency_group": "g"}, {"one", "two"}),
        ({"published_after": date(2024, 1, 1)}, {"two", "three"}),
        ({"published_before": date(2024, 1, 1)}, {"one", "two"}),
        ({"q": "scaling LAWS"}, {"one"}),
        ({"q": "laws tide"}, {"one"}),
        ({"q": "laws protein"}, set()),
        ({"q": "%"}, set()),
        ({"q": "  "}, {"one", "two", "three"}),
        ({"direction": "A", "dependency_group": "g", "min_quality": 0.55}, {"two"}),
    ],
)
def test_filters_and_search(curator, filters, found):
    first = SourceFactory(
        title="Laws of scaling", source_type="think_tank", publication_date=date(2023, 1, 1), publisher="Tide"
    )
    second = SourceFactory(url="https://example.org/two", publication_date=date(2024, 1, 1))
    EvidenceFactory(public_id="one", source=first, quality=0.5, dependency_group="g")
    EvidenceFactory(
        public_id="two", source=second, quality=0.6, dependency_group="g", hypothesis=Hypothesis.objects.get(code="H2")
    )
    source = SourceFactory(publication_date=date(2025, 1, 1))
    EvidenceFactory(public_id="three", source=source, quality=0.9, direction="B", status="draft")
    assert names(curator, **filters) == found


@pytest.mark.parametrize(("role", "seen"), [("viewer", 0), ("analyst", 1), ("curator", 5), ("admin", 5)])
def test_who_sees_what(role, seen):
    user = UserFactory(role=role)
    for status in ("draft", "submitted", "approved", "rejected", "retired"):
        EvidenceFactory(public_id=status, status=status)
    assert len(evidence_list(user=user)) == seen
    if role == "analyst":
        assert names(user, status="draft") == set()
        with pytest.raises(Evidence.DoesNotExist):
            evidence_by_id(user=user, public_id="draft")
    assert sum(source.number_of_items for source in source_list(user=user)) == seen


def test_a_list_with_revisions_takes_two_queries(curator, django_assert_num_queries):
    for item in EvidenceFactory.create_batch(5):
        evidence_edit(evidence=item, actor=curator, changes={"strength": 0.9}, reason="New data.")
    assert curator.role
    with django_assert_num_queries(2):
        found = [(item.source.title, item.open_revision.strength) for item in evidence_list(user=curator)]
    assert len(found) == 5


class TestHistory:
    @pytest.fixture
    def item(self, curator):
        reviewer = UserFactory(role="curator", username="reviewer")
        item = evidence_create(actor=curator, content=content(), reason="Found.")
        evidence_submit(evidence=item, actor=curator)
        item = evidence_approve(evidence=item, actor=reviewer)
        source = SourceFactory(url="https://example.org/better")
        evidence_edit(evidence=item, actor=curator, changes={"strength": 0.9, "source": source}, reason="New data.")
        evidence_submit(evidence=item, actor=curator)
        return evidence_approve(evidence=item, actor=reviewer)

    def test_curators_see_every_step_with_who_why_and_what(self, item, curator, django_assert_max_num_queries):
        with django_assert_max_num_queries(4):
            entries = evidence_history(user=curator, evidence=item)
        steps = [(entry.of, entry.event, entry.status) for entry in reversed(entries)]
        assert steps == [
            ("item", "created", "draft"),
            ("item", "changed", "submitted"),
            ("item", "changed", "approved"),
            ("revision", "created", "draft"),
            ("revision", "changed", "submitted"),
            ("revision", "changed", "approved"),
            ("item", "changed", "approved"),
        ]
        last = entries[0]
        assert (last.by, last.reason) == ("reviewer", "New data.")
        changes = {change.field: (change.before, change.after) for change in last.changes}
        assert changes["strength"] == (0.5, 0.9)
        assert changes["source"][1] == "example.org/better"
        assert set(changes) == {"strength", "source"}

    def test_analysts_see_what_counted(self, item, analyst):
        entries = evidence_history(user=analyst, evidence=item)
        assert [(entry.of, entry.status) for entry in entries] == [("item", "approved")] * 2
        assert {change.field for change in entries[0].changes} == {"strength", "source"}
