"""The states of review and the four eyes.

What each step makes of an item (or, in brackets, of the open revision of an approved item); `-` is refused as a
conflict and changes nothing.

       from         edit        submit        approve       reject        retire
    1  draft        draft       submitted     -             -             -
    2  submitted    draft       -             approved      rejected      -
    3  approved     (draft)     -             -             -             retired
    4  rejected     draft       -             -             -             retired
    5  retired      draft       -             -             -             -
    6  (draft)      (draft)     (submitted)   -             -             retired (rejected)
    7  (submitted)  (draft)     -             (approved)    (rejected)    retired (rejected)

An item counts in analyses exactly in lines 3, 6 and 7, with its own values until its revision is approved.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from accounts.models import AuditEntry
from evidence.choices import EvidenceStatus
from evidence.documents import parse_evidence
from evidence.models import Evidence, EvidenceRevision
from evidence.services.items import evidence_create, evidence_edit
from evidence.services.loads import evidence_load
from evidence.services.reviews import evidence_approve, evidence_reject, evidence_retire, evidence_submit
from evidence.services.rules import Conflict, StaleVersion
from tests.evidence.test_items import content
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

STEPS = {
    "edit": lambda item, user: evidence_edit(evidence=item, actor=user, changes={"strength": 0.9}, reason="Why."),
    "submit": lambda item, user: evidence_submit(evidence=item, actor=user),
    "approve": lambda item, user: evidence_approve(evidence=item, actor=user),
    "reject": lambda item, user: evidence_reject(evidence=item, actor=user, reason="Why not."),
    "retire": lambda item, user: evidence_retire(evidence=item, actor=user, reason="Out of date."),
}
MATRIX = [
    (line.split()[1], step, outcome)
    for line in __doc__.splitlines()
    if line.strip()[:1].isdigit()
    for step, outcome in zip(STEPS, line.replace("retired (rejected)", "retired+").split()[2:], strict=True)
]


@pytest.fixture
def author():
    return UserFactory(role="curator")


@pytest.fixture
def reviewer():
    return UserFactory(role="curator")


def in_state(state, author):
    """An item of strength 0.5, in brackets with a revision to strength 0.7."""
    status = state.strip("()")
    if status == state:
        return EvidenceFactory(status=status, created_by=author, updated_by=author)
    item = EvidenceFactory(status="approved")
    item = evidence_edit(evidence=item, actor=author, changes={"strength": 0.7}, reason="New data.")
    return evidence_submit(evidence=item, actor=author) if status == "submitted" else item


def state_of(item):
    item = Evidence.objects.get(pk=item.pk)
    revision = item.revisions.first()
    return item, (revision.status if revision else None)


def test_the_matrix_is_whole():
    assert len(MATRIX) == 7 * len(STEPS)


@pytest.mark.parametrize(("state", "step", "outcome"), MATRIX)
def test_what_each_step_makes_of_each_state(state, step, outcome, author, reviewer):
    item = in_state(state, author)
    before = Evidence.objects.filter(pk=item.pk).values().get(), EvidenceRevision.objects.values().first()
    if outcome == "-":
        with pytest.raises(Conflict):
            STEPS[step](item, reviewer)
        assert (Evidence.objects.filter(pk=item.pk).values().get(), EvidenceRevision.objects.values().first()) == before
        return
    STEPS[step](item, reviewer)
    after, revision = state_of(item)
    assert after.version == item.version + 1
    if outcome == "retired+":
        assert (after.status, revision) == ("retired", "rejected")
    elif outcome.startswith("("):
        assert (after.status, revision) == ("approved", outcome.strip("()"))
        assert after.strength == (0.7 if outcome == "(approved)" else 0.5)
    else:
        assert after.status == outcome


@pytest.mark.parametrize("state", list(dict.fromkeys(state for state, _, _ in MATRIX)))
def test_what_counts_in_analyses(state, author):
    item = in_state(state, author)
    counted = list(Evidence.objects.approved().values_list("strength", flat=True))
    assert counted == ([0.5] if state == "approved" or state.startswith("(") else []), item


class TestFourEyes:
    """Neither who wrote a draft nor who edited it approves it, whatever their role."""

    @pytest.mark.parametrize("role", ["curator", "admin"])
    @pytest.mark.parametrize("state", ["submitted", "(submitted)"])
    def test_the_writer_does_not_approve(self, state, role):
        writer = UserFactory(role=role)
        item = in_state(state, writer)
        with pytest.raises(PermissionDenied, match="neither wrote nor edited"):
            evidence_approve(evidence=item, actor=writer)
        assert item.revisions.filter(status="approved").count() == 0
        assert Evidence.objects.get(pk=item.pk).strength == 0.5

    def test_a_superuser_does_not_either(self):
        writer = UserFactory(is_superuser=True)
        with pytest.raises(PermissionDenied):
            evidence_approve(evidence=in_state("submitted", writer), actor=writer)

    @pytest.mark.parametrize("state", ["draft", "(draft)"])
    def test_neither_the_writer_nor_the_last_editor_approves_and_a_third_may(self, state, author):
        editor, third = UserFactory.create_batch(2, role="admin")
        item = in_state(state, author)
        item = evidence_edit(evidence=item, actor=editor, changes={"strength": 0.8}, reason="Checked.")
        evidence_submit(evidence=item, actor=third)
        for user in (author, editor):
            with pytest.raises(PermissionDenied):
                evidence_approve(evidence=item, actor=user)
        item = evidence_approve(evidence=item, actor=third, reason="Convincing.")
        assert (item.strength, item.updated_by, item.reviewed_by) == (0.8, editor, third)
        assert item.review_reason == "Convincing."

    @pytest.mark.parametrize("state", ["rejected", "retired"])
    def test_who_takes_an_item_up_again_has_written_that_draft(self, state, author):
        again, editor, third = UserFactory.create_batch(3, role="curator")
        item = in_state(state, author)
        evidence_edit(evidence=item, actor=again, changes={"strength": 1.0}, reason="New data.")
        evidence_edit(evidence=item, actor=editor, changes={"description": "Spelling."})
        evidence_submit(evidence=item, actor=again)
        for user in (author, again, editor):
            with pytest.raises(PermissionDenied):
                evidence_approve(evidence=item, actor=user)
        assert evidence_approve(evidence=item, actor=third).status == "approved"

    @pytest.mark.parametrize("state", ["draft", "(draft)"])
    def test_who_edited_before_the_last_editor_does_not_approve_either(self, state, author):
        middle, third = UserFactory.create_batch(2, role="curator")
        item = in_state(state, author)
        evidence_edit(evidence=item, actor=middle, changes={"strength": 0.97}, reason="New data.")
        evidence_edit(evidence=item, actor=author, changes={"description": "Spelling."})
        evidence_submit(evidence=item, actor=author)
        with pytest.raises(PermissionDenied):
            evidence_approve(evidence=item, actor=middle)
        assert evidence_approve(evidence=item, actor=third).strength == 0.97

    def test_a_rejection_does_not_make_an_editor_another_pair_of_eyes(self, author, reviewer):
        middle = UserFactory(role="curator")
        item = in_state("draft", author)
        evidence_edit(evidence=item, actor=middle, changes={"strength": 0.97}, reason="New data.")
        evidence_submit(evidence=item, actor=author)
        evidence_reject(evidence=item, actor=reviewer, reason="No page given.")
        evidence_edit(evidence=item, actor=author, changes={"description": "Page 3."})
        evidence_submit(evidence=item, actor=author)
        with pytest.raises(PermissionDenied):
            evidence_approve(evidence=item, actor=middle)
        assert evidence_approve(evidence=item, actor=reviewer).strength == 0.97

    @pytest.mark.parametrize("role", [None, "viewer", "analyst"])
    @pytest.mark.parametrize("step", STEPS)
    def test_who_may_not_write_takes_no_step(self, step, role, author):
        state = "approved" if step == "retire" else "submitted"
        with pytest.raises(PermissionDenied):
            STEPS[step](in_state(state, author), UserFactory(role=role))

    @pytest.mark.parametrize("field", ["authority", "direction", "source", "dependency_group"])
    def test_an_approved_item_counts_as_it_is_until_the_change_is_approved(self, field, author, reviewer):
        item = EvidenceFactory()
        new = {"authority": 0.1, "direction": "B", "source": SourceFactory(), "dependency_group": "g"}[field]
        old, quality = getattr(item, field), item.quality
        evidence_edit(evidence=item, actor=author, changes={field: new}, reason="New data.")
        stored = Evidence.objects.get(pk=item.pk)
        assert (getattr(stored, field), stored.quality, stored.status) == (old, quality, "approved")
        evidence_submit(evidence=item, actor=author)
        stored = evidence_approve(evidence=item, actor=reviewer)
        assert getattr(stored, field) == new
        assert stored.quality == stored.revisions.get().quality
        record = stored.history.first()
        assert (record.history_user, record.history_change_reason) == (reviewer, "New data.")

    def test_an_edit_during_review_needs_another_review(self, author, reviewer):
        item = in_state("(submitted)", author)
        evidence_edit(evidence=item, actor=author, changes={"strength": 1.0}, reason="More still.")
        with pytest.raises(Conflict, match="is draft"):
            evidence_approve(evidence=item, actor=reviewer)

    def test_a_reviewer_approves_what_they_have_seen_only(self, author, reviewer):
        item = in_state("(submitted)", author)
        seen = item.version
        evidence_edit(evidence=item, actor=author, changes={"strength": 1.0}, reason="More still.")
        evidence_submit(evidence=item, actor=author)
        with pytest.raises(StaleVersion):
            evidence_approve(evidence=item, actor=reviewer, expected_version=seen)


@pytest.mark.parametrize(("step", "state"), [(evidence_reject, "submitted"), (evidence_retire, "approved")])
def test_to_reject_and_to_retire_takes_a_reason(step, state, author, reviewer):
    item = in_state(state, author)
    with pytest.raises(ValidationError, match="Say why"):
        step(evidence=item, actor=reviewer, reason=" ")
    assert Evidence.objects.get(pk=item.pk).status == state


def test_words_of_an_approved_item_change_at_once_and_join_an_open_revision(author):
    item = EvidenceFactory()
    evidence_edit(evidence=item, actor=author, changes={"rationale": "Clearer."})
    assert Evidence.objects.get(pk=item.pk).rationale == "Clearer."
    changes = {"strength": 0.7, "rationale": "Because of more data."}
    evidence_edit(evidence=item, actor=author, changes=changes, reason="New data.")
    evidence_edit(evidence=item, actor=author, changes={"description": "Found again."})
    stored = Evidence.objects.get(pk=item.pk)
    assert (stored.rationale, stored.description) == ("Clearer.", "What was found.")
    revision = stored.revisions.get()
    assert (revision.strength, revision.rationale, revision.description) == (
        0.7,
        "Because of more data.",
        "Found again.",
    )
    assert revision.reason == "New data."


def test_a_revision_that_changes_nothing_any_more_is_dropped(author):
    item = in_state("(draft)", author)
    evidence_edit(evidence=item, actor=author, changes={"strength": 0.5}, reason="After all not.")
    assert not EvidenceRevision.objects.exists()
    assert set(EvidenceRevision.history.values_list("history_type", flat=True)) == {"+", "-"}


def test_after_a_rejected_revision_another_starts_from_what_counts(author, reviewer):
    item = in_state("(submitted)", author)
    evidence_reject(evidence=item, actor=reviewer, reason="Not shown.")
    evidence_edit(evidence=item, actor=author, changes={"authority": 0.1}, reason="Other data.")
    revision = EvidenceRevision.objects.open().get()
    assert (revision.strength, revision.authority) == (0.5, 0.1)


def test_every_step_is_in_the_history_with_who_and_why(author, reviewer):
    item = evidence_create(actor=author, content=content())
    evidence_submit(evidence=item, actor=author, reason="Ready.")
    evidence_reject(evidence=item, actor=reviewer, reason="No page given.")
    evidence_edit(evidence=item, actor=author, changes={"description": "Page 3."})
    evidence_submit(evidence=item, actor=author)
    evidence_approve(evidence=item, actor=reviewer)
    evidence_retire(evidence=item, actor=author, reason="Superseded.")
    steps = item.history.order_by("history_id").values_list(
        "status", "history_user", "history_change_reason", "version"
    )
    assert list(steps) == [
        ("draft", author.pk, "", 1),
        ("submitted", author.pk, "Ready.", 2),
        ("rejected", reviewer.pk, "No page given.", 3),
        ("draft", author.pk, "", 4),
        ("submitted", author.pk, "", 5),
        ("approved", reviewer.pk, "", 6),
        ("retired", author.pk, "Superseded.", 7),
    ]
    entries = AuditEntry.objects.filter(object_type="evidence.evidence", object_id=str(item.pk)).order_by("pk")
    assert list(entries.values_list("action", "actor", "reason")) == [
        ("evidence.create", author.pk, ""),
        ("evidence.submit", author.pk, "Ready."),
        ("evidence.reject", reviewer.pk, "No page given."),
        ("evidence.edit", author.pk, ""),
        ("evidence.submit", author.pk, ""),
        ("evidence.approve", reviewer.pk, ""),
        ("evidence.retire", author.pk, "Superseded."),
    ]


def test_a_load_that_changes_an_item_rejects_its_open_revision(author):
    item = in_state("(submitted)", author)
    other = in_state("(submitted)", author)
    document = {
        "schema": "aifutures.evidence/1",
        "items": [
            {
                "id": item.public_id,
                "hypothesis": "H1",
                "direction": "A",
                "strength": 0.3,
                "quality_scores": {"authority": 0.8, "methodology": 0.7, "recency": None, "replication": 0.6},
                "source": {
                    "title": "Loaded",
                    "authors": "",
                    "publisher": "",
                    "source_type": "think_tank",
                    "publication_date": "2024-01-01",
                    "url": "https://example.org/loaded",
                    "identifier": "",
                },
                "description": "Loaded.",
                "rationale": "",
                "dependency_group": "",
            }
        ],
    }
    evidence_load(document=parse_evidence(document))
    stored, revision = state_of(item)
    assert (stored.status, stored.strength, stored.version, revision) == ("approved", 0.3, item.version + 1, "rejected")
    assert stored.history.first().history_change_reason == "Loaded from an evidence file."
    assert state_of(other)[1] == "submitted"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("step", [evidence_approve, evidence_retire])
@pytest.mark.parametrize("state", ["submitted", "(submitted)"])
def test_of_two_decisions_at_once_one_wins(state, step, author):
    """The other is told that it came too late, and the version grows by one or, for a retirement after, two."""
    item = in_state(state, author)
    reviewers = UserFactory.create_batch(2, role="curator")
    together = Barrier(2)

    def decide(user, service):
        try:
            together.wait(60)
            service(evidence=item, actor=user, reason="Why.")
        except Conflict:
            return "late"
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(decide, reviewers, [evidence_approve, step]))
    stored, revision = state_of(item)
    if step is evidence_approve:
        assert sorted(done) == ["done", "late"]
        assert (stored.status, stored.version) == ("approved", item.version + 1)
        assert stored.reviewed_by in reviewers
        assert Evidence.history.filter(id=item.pk, status=EvidenceStatus.APPROVED, version=stored.version).count() == 1
    else:
        assert "done" in done
        assert stored.version == item.version + done.count("done")
        assert stored.status == ("retired" if done[1] == "done" else "approved")
        assert revision in {None, "approved", "rejected"}
