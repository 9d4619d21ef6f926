"""Review in the admin site: what is offered to whom, and what is told before many items are decided."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from evidence.models import Evidence
from evidence.services.items import evidence_edit
from evidence.services.reviews import ReviewStep, evidence_submit, steps_open_to
from tests.factories import EvidenceFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = "admin:evidence_evidence_changelist"


@pytest.fixture
def curator(client):
    user = UserFactory(role="curator")
    client.force_login(user)
    return user


def written_by(user, status, **values):
    return EvidenceFactory(status=status, created_by=user, updated_by=user, **values)


@pytest.mark.parametrize(
    ("status", "own", "others"),
    [
        ("draft", ["submit"], ["submit"]),
        ("submitted", ["reject"], ["approve", "reject"]),
        ("approved", ["retire"], ["retire"]),
        ("rejected", ["retire"], ["retire"]),
        ("retired", [], []),
    ],
)
def test_only_steps_that_would_not_be_refused_are_offered(client, curator, status, own, others):
    for author, steps in ((curator, own), (UserFactory(role="curator"), others)):
        item = written_by(author, status)
        page = client.get(reverse("admin:evidence_evidence_change", args=[item.pk])).content.decode()
        assert [step for step in ReviewStep.values if f'name="step" value="{step}"' in page] == steps
        assert steps_open_to(evidence=item, actor=UserFactory(role="analyst")) == []


def test_an_approved_item_offers_the_steps_of_its_revision_and_shows_what_it_changes(client, curator):
    author, item = UserFactory(role="curator"), EvidenceFactory(strength=0.4)
    item = evidence_edit(evidence=item, actor=author, changes={"strength": 0.9}, reason="<b>New data.</b>")
    evidence_submit(evidence=item, actor=author)
    response = client.get(reverse("admin:evidence_evidence_change", args=[item.pk]))
    assert response.context["steps"] == ["approve", "reject", "retire"]
    assert response.context["revised"] == [("strength", 0.4, 0.9)]
    assert "&lt;b&gt;New data." in response.content.decode()


class TestOneItem:
    def take(self, client, item, step, **data):
        address = reverse("admin:evidence_evidence_review", args=[item.pk])
        response = client.post(address, {"step": step, **data}, follow=True)
        item.refresh_from_db()
        return item.status, [str(message) for message in response.context["messages"]]

    def test_from_draft_to_retired(self, client, curator):
        item = written_by(curator, "draft")
        assert self.take(client, item, "submit") == ("submitted", ["1 submitted."])
        assert self.take(client, item, "approve")[0] == "submitted"
        client.force_login(UserFactory(role="curator"))
        assert self.take(client, item, "approve", reason="Sound.") == ("approved", ["1 approved."])
        assert self.take(client, item, "retire") == ("approved", [f"{item}: Say why."])
        assert self.take(client, item, "retire", reason="Superseded.") == ("retired", ["1 retired."])

    def test_what_changed_since_it_was_looked_at_is_not_decided(self, client, curator):
        item = written_by(UserFactory(), "submitted", version=3)
        status, said = self.take(client, item, "approve", seen_version="2")
        assert (status, "changed meanwhile" in said[0]) == ("submitted", True)

    @pytest.mark.parametrize("step", ["", "delete"])
    def test_other_steps_are_refused(self, client, curator, step):
        address = reverse("admin:evidence_evidence_review", args=[EvidenceFactory().pk])
        assert client.post(address, {"step": step}).status_code == 403
        assert client.get(address).status_code == 405

    def test_who_is_no_curator_is_sent_away(self, client):
        client.force_login(UserFactory(role="analyst"))
        item = EvidenceFactory(status="submitted")
        response = client.post(reverse("admin:evidence_evidence_review", args=[item.pk]), {"step": "approve"})
        assert (response.status_code, Evidence.objects.get(pk=item.pk).status) == (302, "submitted")


class TestManyItems:
    def post(self, client, action, items, **data):
        return client.post(reverse(LIST), {"action": action, "_selected_action": [i.pk for i in items], **data})

    def test_the_page_tells_the_effect_and_changes_nothing(self, client, curator):
        mine = written_by(curator, "submitted")
        others = [written_by(UserFactory(), "submitted", strength=0.9) for _ in range(2)]
        response = self.post(client, "approve", [mine, *others])
        page = response.content.decode()
        assert "Approve 2 items" in page and "Left out (1)" in page and str(mine) in page
        (change,) = response.context["changes"]
        assert (change.hypothesis.code, change.items) == ("H1", 2) and change.after.mu > change.before.mu
        assert set(Evidence.objects.values_list("status", flat=True)) == {"submitted"}

    def test_confirmed_it_is_done_with_a_reason(self, client, curator):
        items = EvidenceFactory.create_batch(3)
        self.post(client, "retire", items, confirmed="yes", reason="Withdrawn.")
        assert set(Evidence.objects.values_list("status", "review_reason")) == {("retired", "Withdrawn.")}
        assert AuditEntry.objects.filter(action="evidence.retire", actor=curator).count() == 3

    def test_without_a_reason_nothing_is_retired(self, client, curator):
        self.post(client, "retire", EvidenceFactory.create_batch(2), confirmed="yes")
        assert set(Evidence.objects.values_list("status", flat=True)) == {"approved"}

    def test_a_group_is_assigned_at_once_to_drafts_and_as_revisions_to_approved_items(self, client, curator):
        draft, approved = written_by(curator, "draft"), EvidenceFactory()
        response = self.post(client, "assign_group", [draft, approved], group="survey")
        assert "Assign a dependency group to 2 items" in response.content.decode()
        self.post(client, "assign_group", [draft, approved], group="survey", reason="Same survey.", confirmed="yes")
        draft.refresh_from_db()
        approved.refresh_from_db()
        assert (draft.dependency_group, approved.dependency_group) == ("survey", "")
        assert approved.open_revision.dependency_group == "survey"

    def test_at_most_so_many_at_a_time(self, client, curator, monkeypatch):
        monkeypatch.setattr("evidence.admin.reviews.MOST", 2)
        response = client.post(
            reverse(LIST),
            {"action": "retire", "_selected_action": [i.pk for i in EvidenceFactory.create_batch(3)]},
            follow=True,
        )
        assert "At most 2 items at a time" in response.content.decode()
