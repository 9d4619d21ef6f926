"""Writing publications and questions, and telling one publication from another."""

from datetime import date
from time import process_time

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from evidence.duplicates import SourceIndex, marks_of
from evidence.models import Evidence, EvidenceRevision, Hypothesis, Source
from evidence.services.hypotheses import hypothesis_edit
from evidence.services.items import evidence_create, evidence_edit
from evidence.services.reviews import evidence_approve, evidence_submit
from evidence.services.rules import StaleVersion
from evidence.services.sources import source_counts, source_create, source_edit
from tests.evidence.test_items import content
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def curator():
    return UserFactory(role="curator")


@pytest.fixture
def admin():
    return UserFactory(role="admin")


def details(**changes):
    values = {"title": "Findings", "source_type": "think_tank", "publication_date": date(2024, 1, 1)}
    return {**values, "url": "https://example.org/new/", **changes}


ONE_ADDRESS = (
    {"url": "https://example.org/a", "identifier": ""},
    {"url": "http://example.org/a", "identifier": ""},
    {"url": "https://www.example.org/a/", "identifier": ""},
    {"url": "https://EXAMPLE.org/a#part", "identifier": ""},
)
ONE_DOI = (
    {"url": "https://doi.org/10.1000/AbC.1", "identifier": ""},
    {"url": "http://dx.doi.org/10.1000/abc.1", "identifier": ""},
    {"url": "", "identifier": "doi:10.1000/abc.1"},
    {"url": "", "identifier": "10.1000/ABC.1"},
    {"url": "https://journal.example/10.1000/x", "identifier": "DOI: 10.1000/abc.1"},
)
ONE_PREPRINT = (
    {"url": "https://arxiv.org/abs/2001.08361", "identifier": ""},
    {"url": "https://www.arxiv.org/pdf/2001.08361v2.pdf", "identifier": ""},
    {"url": "", "identifier": "arXiv:2001.08361v1"},
    {"url": "", "identifier": "10.48550/arXiv.2001.08361"},
    {"url": "https://doi.org/10.48550/ARXIV.2001.08361v2", "identifier": ""},
)
ONE_OLD_PREPRINT = (
    {"url": "", "identifier": "arXiv:math.GT/0309136"},
    {"url": "https://arxiv.org/abs/math/0309136v1", "identifier": ""},
)
ONE_BOOK = (
    {"url": "", "identifier": "ISBN 978-0-262-03384-8"},
    {"url": "", "identifier": "9780262033848"},
    {"url": "", "identifier": "ISBN-13: 978 0262033848"},
    {"url": "", "identifier": "isbn-10 0-262-03384-4"},
    {"url": "", "identifier": "0262033844"},
)


@pytest.mark.parametrize(
    "forms",
    [ONE_ADDRESS, ONE_DOI, ONE_PREPRINT, ONE_OLD_PREPRINT, ONE_BOOK],
    ids=["url", "doi", "arxiv", "old arxiv", "isbn"],
)
def test_one_publication_is_known_in_all_its_forms(forms, curator):
    assert set.intersection(*(marks_of(**form) for form in forms))
    for stored in forms:
        Source.objects.all().delete()
        source_create(actor=curator, details=details(**stored))
        for form in forms:
            with pytest.raises(ValidationError, match="already among the sources"):
                source_create(actor=curator, details=details(**form))
        assert Source.objects.count() == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"url": "https://example.org/a"}, {"url": "https://example.org/A"}),
        ({"url": "https://example.org/a?id=1"}, {"url": "https://example.org/a?id=2"}),
        ({"identifier": "10.1000/1"}, {"identifier": "10.1000/11"}),
        ({"identifier": "isbn:9780000000001"}, {"identifier": "isbn:9780000000002"}),
        ({"identifier": "isbn 0-262-03384-4"}, {"identifier": "isbn 979-0-262-03384-7"}),
        ({"identifier": "0262033845"}, {"identifier": "ISBN 0262033845"}),
        ({"identifier": "arXiv:math/0309136"}, {"identifier": "arXiv:math/0309137"}),
    ],
)
def test_different_publications_are_kept_apart(one, other):
    assert not marks_of(**{"url": "", "identifier": "", **one}) & marks_of(**{"url": "", "identifier": "", **other})


def test_a_stored_address_that_is_none_hides_no_other():
    SourceFactory(key="odd", url="http://[::1")
    SourceFactory(key="other", url="https://example.org/other")
    index = SourceIndex.of(Source.objects.all())
    assert index.same(url="http://[::1", identifier="") == ["odd"]
    assert index.same(url="http://example.org/other/", identifier="") == ["other"]


def test_isbn_with_and_without_hyphens():
    assert marks_of(url="", identifier="ISBN 978-0-262-03384-8") == marks_of(url="", identifier="isbn:9780262033848")


def test_the_check_digit_of_a_short_isbn_is_found_anew():
    for short, long in (("080442957X", "9780804429573"), ("0-306-40615-2", "978-0-306-40615-7")):
        assert (
            marks_of(url="", identifier=short) == marks_of(url="", identifier=long) == {f"isbn:{long.replace('-', '')}"}
        )


@pytest.mark.parametrize("field", ["url", "identifier"])
def test_a_very_long_cell_takes_no_time(field):
    text = "10.1234/" * 100_000 + " x"
    began = process_time()
    marks_of(**{"url": "", "identifier": "", field: text})
    assert process_time() - began < 5


def test_the_place_of_a_source_is_looked_up_only_where_it_changes(curator):
    source = SourceFactory()
    with CaptureQueriesContext(connection) as queries:
        source_edit(source=source, actor=curator, changes={"title": "New"})
    assert not [q for q in queries if 'FROM "evidence_source"' in q["sql"] and "WHERE" not in q["sql"]]


def test_similar_titles_are_found():
    SourceFactory(key="a", title="Scaling Laws for Neural Language Models")
    SourceFactory(key="b", title="Protein folding in the cell")
    index = SourceIndex.of(Source.objects.all())
    asked = {"new": "Scaling laws, for neural language models.", "a": "Scaling Laws for Neural Language Models"}
    assert index.similar(asked) == {"new": ["a"]}
    assert index.similar({"new": "Something else entirely"}) == {}


def test_a_source_gets_a_key_once_and_its_date_moves_the_quality_of_its_items(curator):
    source = source_create(actor=curator, details=details(url="https://example.org/a/"))
    assert (source.key, source.version) == ("example.org/a", 1)
    item = evidence_create(actor=curator, content=content(source=source))
    changes = {"url": "https://example.org/b", "publication_date": date(2014, 3, 1)}
    source = source_edit(source=source, actor=curator, changes=changes)
    item.refresh_from_db()
    assert (source.key, source.version) == ("example.org/a", 2)
    assert item.quality == pytest.approx(0.3 * 0.8 + 0.3 * 0.7 + 0.2 * 0.6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": ""},
        {"url": "javascript:alert(1)"},
        {"title": ""},
        {"title": "a\x00b"},
        {"source_type": "blog"},
        {"publication_date": None},
        {"publication_date": date(1899, 12, 31)},
        {"publication_date": date(2999, 1, 1)},
        {"key": "mine"},
    ],
)
def test_a_bad_source_is_refused(curator, wrong):
    with pytest.raises(ValidationError):
        source_create(actor=curator, details=details(**wrong))
    assert not Source.objects.exists()


def test_a_source_does_not_become_another_stored_one(curator):
    SourceFactory(url="https://example.org/stored")
    with pytest.raises(ValidationError, match="already among"):
        source_edit(source=SourceFactory(), actor=curator, changes={"url": "http://www.example.org/stored/"})


@pytest.mark.parametrize(
    "changes",
    [{"publication_date": date(2020, 1, 1)}, {"source_type": "think_tank"}, {"url": "https://example.org/x"}],
)
def test_what_approved_items_weigh_is_for_admins_with_a_reason(curator, admin, changes):
    source = EvidenceFactory().source
    with pytest.raises(PermissionDenied):
        source_edit(source=source, actor=curator, changes=changes, reason="Wrong before.")
    with pytest.raises(ValidationError, match="Say why"):
        source_edit(source=source, actor=admin, changes=changes)
    source_edit(source=source, actor=admin, changes=changes, reason="Wrong before.")
    record = source.history.first()
    assert (record.history_user, record.history_change_reason) == (admin, "Wrong before.")


class TestFourEyesOnSources:
    """A source's date and type weigh in what is under review as a score of the item does."""

    WEIGHING = [{"publication_date": date(2026, 3, 1)}, {"source_type": "think_tank"}, {"identifier": "10.1000/x"}]

    def submitted(self, author):
        item = evidence_create(actor=author, content=content(source=SourceFactory(publication_date=date(2005, 3, 1))))
        return evidence_submit(evidence=item, actor=author)

    @pytest.mark.parametrize("changes", WEIGHING)
    def test_who_changes_the_source_of_a_submitted_item_is_one_of_its_authors(self, curator, changes):
        other, third = UserFactory.create_batch(2, role="curator")
        item = self.submitted(curator)
        source_edit(source=item.source, actor=other, changes=changes, reason="Looked it up.")
        item = Evidence.objects.get()
        assert (item.status, item.updated_by, item.version) == ("draft", other, 3)
        assert item.history.first().history_change_reason == "Its source was changed. Looked it up."
        evidence_submit(evidence=item, actor=curator)
        for user in (curator, other):
            with pytest.raises(PermissionDenied):
                evidence_approve(evidence=item, actor=user)
        assert evidence_approve(evidence=item, actor=third).status == "approved"

    def test_neither_does_it_help_to_do_so_before_the_item_is_submitted(self, curator):
        other = UserFactory(role="curator")
        item = evidence_create(actor=curator, content=content(source=SourceFactory()))
        source_edit(source=item.source, actor=other, changes=self.WEIGHING[0])
        evidence_submit(evidence=item, actor=curator)
        with pytest.raises(PermissionDenied):
            evidence_approve(evidence=item, actor=other)

    def test_the_author_changes_the_source_of_what_is_submitted_into_a_draft(self, curator):
        item = self.submitted(curator)
        source_edit(source=item.source, actor=curator, changes=self.WEIGHING[0])
        item = Evidence.objects.get()
        assert item.status == "draft"
        assert item.quality == item.history.first().quality == pytest.approx(0.3 * 0.8 + 0.3 * 0.7 + 0.2 + 0.2 * 0.6)

    def test_a_source_of_a_submitted_revision_is_for_admins_and_its_change_needs_another_review(self, curator, admin):
        source, item = SourceFactory(), EvidenceFactory(public_id="H1-001")
        item = evidence_edit(evidence=item, actor=curator, changes={"source": source}, reason="The original.")
        item = evidence_submit(evidence=item, actor=curator)
        assert source_counts(source)
        with pytest.raises(PermissionDenied):
            source_edit(source=source, actor=curator, changes=self.WEIGHING[0], reason="Wrong before.")
        source_edit(source=source, actor=admin, changes=self.WEIGHING[0], reason="Wrong before.")
        stored, revision = Evidence.objects.get(), EvidenceRevision.objects.get()
        assert (stored.status, stored.version, revision.status, revision.updated_by) == (
            "approved",
            item.version + 1,
            "draft",
            admin,
        )
        evidence_submit(evidence=item, actor=curator)
        with pytest.raises(PermissionDenied):
            evidence_approve(evidence=item, actor=admin)

    def test_a_title_leaves_what_is_submitted_under_review(self, curator):
        item = self.submitted(curator)
        source_edit(source=item.source, actor=curator, changes={"title": "Other"})
        assert Evidence.objects.get().status == "submitted"

    def test_the_audit_trail_names_the_items_that_an_admins_change_moves(self, curator, admin):
        source = SourceFactory()
        for name, status in (("H1-001", "approved"), ("H1-002", "submitted"), ("H1-003", "rejected")):
            EvidenceFactory(public_id=name, source=source, status=status)
        source_edit(source=source, actor=admin, changes=self.WEIGHING[0], reason="Wrong before.")
        entry = AuditEntry.objects.get(action="source.edit")
        assert (entry.actor, entry.reason) == (admin, "Wrong before.")
        assert entry.details == {"fields": ["publication_date"], "counting": ["H1-001"], "reopened": ["H1-002"]}


def test_a_curator_corrects_a_title_whatever_counts(curator):
    source = EvidenceFactory().source
    assert source_edit(source=source, actor=curator, changes={"title": "Other"}).title == "Other"
    with pytest.raises(StaleVersion):
        source_edit(source=source, actor=curator, changes={"title": "Another"}, expected_version=1)


def test_a_curator_words_a_question_and_an_admin_changes_its_prior_with_a_reason(curator, admin):
    row = Hypothesis.objects.get(code="H1")
    row = hypothesis_edit(hypothesis=row, actor=curator, changes={"label": "Progress", "outcome_a": "fast"})
    assert (row.label, row.outcome_a, row.version) == ("Progress", "fast", 2)
    with pytest.raises(PermissionDenied):
        hypothesis_edit(hypothesis=row, actor=curator, changes={"prior_probability": 0.6}, reason="New survey.")
    with pytest.raises(ValidationError, match="Say why"):
        hypothesis_edit(hypothesis=row, actor=admin, changes={"prior_probability": 0.6})
    row = hypothesis_edit(hypothesis=row, actor=admin, changes={"prior_probability": 0.6}, reason="New survey.")
    assert row.prior_probability == 0.6
    assert row.history.first().history_change_reason == "New survey."


def test_outcomes_that_approved_items_speak_for_are_for_admins(curator, admin):
    row = EvidenceFactory().hypothesis
    with pytest.raises(PermissionDenied):
        hypothesis_edit(hypothesis=row, actor=curator, changes={"outcome_a": "other"}, reason="Clearer.")
    assert hypothesis_edit(hypothesis=row, actor=admin, changes={"outcome_a": "other"}, reason="Clearer.").version == 2


@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")])
def test_a_question_holds_what_a_model_can_use(admin, value):
    row = Hypothesis.objects.get(code="H1")
    with pytest.raises(ValidationError):
        hypothesis_edit(hypothesis=row, actor=admin, changes={"prior_probability": value}, reason="New survey.")


@pytest.mark.parametrize("change", [{"code": "H9"}, {"order": 99}])
def test_a_question_keeps_its_place(admin, change):
    row = Hypothesis.objects.get(code="H1")
    with pytest.raises(ValidationError, match="cannot be set") as error:
        hypothesis_edit(hypothesis=row, actor=admin, changes=change, reason="Tidier.")
    assert set(error.value.message_dict) == set(change)


def test_every_question_has_a_history_from_the_start():
    assert {row.history.count() for row in Hypothesis.objects.all()} == {1}
