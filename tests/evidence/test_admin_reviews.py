"""Review in the admin site: what is offered to whom, and what is told before many items are decided."""

import html
import re

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from evidence.models import Evidence, Hypothesis
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
        seen = " ".join(f"{item.pk}-{item.version}" for item in items)
        chosen = {"action": action, "_selected_action": [item.pk for item in items], "seen": seen}
        return client.post(reverse(LIST), {**chosen, **data})

    def confirm(self, client, page, **data):
        """Send the form of the page as a browser does."""
        form = re.search(r'<form method="post" action="([^"]*)" class="panel.*?</form>', page.content.decode(), re.S)
        fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form[0])
        sent = {name: [value for other, value in fields if other == name] for name, _ in fields}
        return client.post(html.unescape(form[1]), {**sent, "confirmed": "yes", **data}, follow=True)

    def test_all_of_a_filtered_list_are_those_that_the_page_has_shown(self, client, curator):
        hypothesis = Hypothesis.objects.get(code="H2")
        first, second = EvidenceFactory.create_batch(2), EvidenceFactory.create_batch(2, hypothesis=hypothesis)
        address = f"{reverse(LIST)}?hypothesis__id__exact={hypothesis.pk}"
        chosen = {"action": "retire", "select_across": "1", "_selected_action": [second[0].pk]}
        page = client.post(address, chosen)
        assert "Retire 2 items" in page.content.decode()
        late = EvidenceFactory(hypothesis=hypothesis)
        answer = self.confirm(client, page, reason="Withdrawn.")
        assert answer.request["QUERY_STRING"] == address.partition("?")[2]
        retired = set(Evidence.objects.filter(status="retired").values_list("pk", flat=True))
        assert retired == {item.pk for item in second}
        assert {item.pk for item in [*first, late]}.isdisjoint(retired)

    def test_what_changed_since_the_page_was_shown_is_not_decided(self, client, curator):
        author = UserFactory(role="curator")
        items = [written_by(author, "submitted", strength=0.2) for _ in range(2)]
        page = self.post(client, "approve", items)
        evidence_edit(evidence=items[0], actor=author, changes={"strength": 1.0}, reason="New data.")
        evidence_submit(evidence=items[0], actor=author)
        said = [str(message) for message in self.confirm(client, page).context["messages"]]
        assert [each.status for each in Evidence.objects.order_by("pk")] == ["submitted", "approved"]
        assert ("changed meanwhile" in said[0], said[1]) == (True, "1 approved.")

    def test_what_was_not_shown_is_not_decided(self, client, curator):
        item = written_by(UserFactory(), "submitted")
        self.post(client, "approve", [item], confirmed="yes", seen="")
        item.refresh_from_db()
        assert item.status == "submitted"

    @pytest.mark.parametrize("status", ["rejected", "retired"])
    def test_what_was_put_away_is_given_no_group(self, client, curator, status):
        items = [EvidenceFactory(), EvidenceFactory(status=status)]
        page = self.post(client, "assign_group", items, group="survey")
        assert ([str(each) for each in page.context["items"]], page.context["refused"]) == ([str(items[0])], items[1:])
        self.confirm(client, page, group="survey", reason="Same survey.")
        items[1].refresh_from_db()
        assert (items[1].status, items[1].dependency_group) == (status, "")

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
