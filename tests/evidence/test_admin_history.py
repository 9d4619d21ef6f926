"""Notes and histories in the admin site."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from analysis.models import Influence, Scenario, ScenarioCluster
from evidence.models import Evidence, EvidenceNote, EvidenceRevision, Hypothesis, Source
from evidence.services.hypotheses import hypothesis_edit
from evidence.services.items import evidence_create, evidence_edit
from evidence.services.reviews import evidence_approve, evidence_submit
from evidence.services.sources import DETAILS, source_create, source_edit
from tests.evidence.test_items import content
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db

CURATED = (Hypothesis, Source, Evidence, EvidenceRevision, Influence, Scenario, ScenarioCluster)


@pytest.fixture
def curator(client):
    user = UserFactory(role="curator")
    client.force_login(user)
    return user


class TestNotes:
    def add(self, client, item, text):
        address = reverse("admin:evidence_evidence_notes", args=[item.pk])
        return client.post(address, {"text": text}, follow=True)

    def test_a_note_has_its_author_and_date_and_is_shown_as_text(self, client, curator):
        item = EvidenceFactory()
        page = self.add(client, item, "<script>alert(1)</script>\nSee appendix B.").content.decode()
        assert "See appendix B." in page and "<script>alert(1)" not in page
        note = item.notes.get()
        assert (note.author, note.created_at is not None) == (curator, True)
        assert AuditEntry.objects.filter(action="evidence.note", object_id=str(item.pk), actor=curator).exists()
        assert Evidence.objects.get(pk=item.pk).version == item.version

    @pytest.mark.parametrize("text", ["", "   ", "a" * 5001, "a\x00"])
    def test_bad_notes_are_refused_in_words(self, client, curator, text):
        assert "The note was not added" in self.add(client, EvidenceFactory(), text).content.decode()
        assert not EvidenceNote.objects.exists()

    def test_notes_are_for_curators(self, client):
        client.force_login(UserFactory(role="analyst"))
        item = EvidenceFactory()
        client.post(reverse("admin:evidence_evidence_notes", args=[item.pk]), {"text": "Hello."})
        assert not EvidenceNote.objects.exists()
        assert EvidenceNote.objects.visible_to(UserFactory(role="analyst")).count() == 0


class TestHistory:
    def address(self, row):
        return reverse(f"admin:evidence_{row._meta.model_name}_history", args=[row.pk])

    def restore(self, client, row, record, reason=""):
        data = {"version": record.history_id, "reason": reason}
        response = client.post(self.address(row), data, follow=True)
        row.refresh_from_db()
        return [str(message) for message in response.context["messages"]]

    @pytest.fixture
    def draft(self, curator):
        item = evidence_create(actor=curator, public_id="H1-900", content=content(strength=0.2))
        return evidence_edit(evidence=item, actor=curator, changes={"strength": 0.9}, reason="<i>Misread.</i>")

    def test_two_versions_stand_side_by_side_with_who_and_why(self, client, curator, draft):
        response = client.get(self.address(draft))
        changed = [(line.name, line.before, line.after) for line in response.context["lines"] if line.differs]
        assert changed == [("strength", "0.2", "0.9")]
        page = response.content.decode()
        assert "&lt;i&gt;Misread." in page and curator.username in page
        newest = draft.history.first().history_id
        same = client.get(self.address(draft), {"before": newest, "after": newest}).context["lines"]
        assert not any(line.differs for line in same)

    def test_one_version_is_not_compared_with_itself(self, client, curator):
        page = client.get(self.address(evidence_create(actor=curator, content=content()))).content.decode()
        assert "The only version so far" in page and "Compare" not in page

    def test_an_old_version_of_a_draft_is_stored_as_a_new_one(self, client, curator, draft):
        first = draft.history.last()
        assert self.restore(client, draft, first) == ["Nothing was changed: Say why."]
        assert draft.strength == 0.9
        assert self.restore(client, draft, first, "It was right.") == ["That version has been stored anew."]
        assert (draft.strength, draft.history.count()) == (0.2, 3)
        assert draft.history.first().history_change_reason == "It was right."
        assert self.restore(client, draft, first, "Again.") == ["It says that already."]

    def test_an_approved_item_goes_back_only_under_four_eyes(self, client, curator, draft):
        evidence_submit(evidence=draft, actor=curator)
        evidence_approve(evidence=draft, actor=UserFactory(role="curator"))
        said = self.restore(client, draft, draft.history.last(), "It was right.")
        assert "draft revision" in said[0]
        assert (draft.strength, draft.open_revision.strength) == (0.9, 0.2)

    def test_sources_and_hypotheses_go_back_too(self, client, curator):
        details = {
            "title": "Old",
            "source_type": "think_tank",
            "publication_date": "2024-01-01",
            "url": "https://a.org",
        }
        source = source_create(actor=curator, details=details)
        source = source_edit(source=source, actor=curator, changes={"title": "New"})
        self.restore(client, source, source.history.last())
        assert Source.objects.get(pk=source.pk).title == "Old"
        hypothesis = Hypothesis.objects.get(code="H1")
        label = hypothesis.label
        hypothesis = hypothesis_edit(hypothesis=hypothesis, actor=curator, changes={"label": "Other"})
        self.restore(client, hypothesis, hypothesis.history.last())
        assert Hypothesis.objects.get(code="H1").label == label

    def test_what_a_curator_may_not_edit_they_may_not_restore(self, client, curator):
        admin, hypothesis = UserFactory(role="admin"), Hypothesis.objects.get(code="H1")
        changes = {"prior_probability": 0.6}
        hypothesis = hypothesis_edit(hypothesis=hypothesis, actor=admin, changes=changes, reason="Survey.")
        assert "write:model" in self.restore(client, hypothesis, hypothesis.history.last(), "Back.")[0]
        assert hypothesis.prior_probability == 0.6

    def test_other_objects_versions_and_strangers_are_refused(self, client, curator, draft):
        other = evidence_create(actor=curator, public_id="H1-901", content=content())
        address = self.address(draft)
        assert client.post(address, {"version": other.history.first().history_id}).status_code == 403
        client.force_login(UserFactory(role="analyst"))
        assert client.get(address).status_code == 302

    def test_a_version_names_the_request_that_made_it(self, client, curator):
        source = SourceFactory()
        form = {name: getattr(source, name) for name in DETAILS} | {"title": "Renamed", "seen_version": source.version}
        response = client.post(
            reverse("admin:evidence_source_change", args=[source.pk]), form, headers={"X-Request-ID": "ask-17"}
        )
        assert response.status_code == 302
        assert source.history.first().request_id == "ask-17"
        assert AuditEntry.objects.get(action="source.edit").request_id == "ask-17"
        assert "ask-17" in client.get(self.address(source)).content.decode()
        source_edit(source=source, actor=curator, changes={"title": "By a command"})
        assert source.history.first().request_id == ""


@pytest.mark.parametrize("model", CURATED, ids=lambda model: model.__name__)
def test_every_history_has_who_when_why_and_by_which_request(model):
    fields = {field.name for field in model.history.model._meta.fields}
    assert {"history_user", "history_date", "history_change_reason", "request_id"} <= fields
