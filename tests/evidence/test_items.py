"""Quality, and the services for single sources and items."""

import json
from datetime import date
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

import evidence
from aifutures_site.config import get_config
from evidence.choices import EvidenceStatus
from evidence.models import Evidence, Hypothesis, Source
from evidence.models.assessments import SCORES
from evidence.quality import quality_of, recency_of
from evidence.services.hypotheses import hypothesis_edit
from evidence.services.items import evidence_create, evidence_delete, evidence_edit, quality_refresh
from evidence.services.rules import Conflict, StaleVersion
from evidence.services.sources import source_create, source_edit
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db

SEEDS = Path(evidence.__file__).parent / "seeds"


@pytest.mark.parametrize(
    "typed", ["Zu\u0308rich lab", "Z\u00fcrich\u00a0lab", " Z\u00fcrich  lab ", "Z\u00fcrich \uff4cab"]
)
def test_a_group_typed_otherwise_is_the_same_group(typed):
    actor = UserFactory(role="curator")
    item = evidence_create(actor=actor, content=content(source=SourceFactory(), dependency_group=typed))
    assert item.dependency_group == "Z\u00fcrich lab"
    assert evidence_edit(evidence=item, actor=actor, changes={"dependency_group": typed}).version == 1


@pytest.mark.sqlite
def test_the_six_hypotheses_come_with_even_priors():
    rows = list(Hypothesis.objects.values_list("code", "order", "prior_probability"))
    assert rows == [(f"H{n}", n, 0.5) for n in range(1, 7)]
    seed = {row["code"]: row for row in json.loads((SEEDS / "hypotheses.json").read_text())}
    for hypothesis in Hypothesis.objects.all():
        assert {field: getattr(hypothesis, field) for field in seed[hypothesis.code]} == seed[hypothesis.code]


def test_quality_is_the_weighted_mean():
    scores = {"authority": 0.9, "methodology": 0.8, "recency": 0.5, "replication": 0.1}
    expected = 0.3 * 0.9 + 0.3 * 0.8 + 0.2 * 0.5 + 0.2 * 0.1
    assert quality_of(**scores, publication_date=date(1900, 1, 1)) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("published", "recency"),
    [
        (date(2026, 3, 1), 1.0),
        (date(2026, 3, 2), 1.0),
        (date(2021, 3, 1), 1 - 1826 / 365.25 / 10),
        (date(2000, 1, 1), 0.0),
    ],
)
def test_recency_falls_with_the_age_in_years(published, recency):
    assert recency_of(published) == pytest.approx(recency, abs=1e-15)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_quality_stays_in_its_range(score):
    values = dict.fromkeys(("authority", "methodology", "recency", "replication"), score)
    assert quality_of(**values, publication_date=date(2024, 1, 1)) == score


@pytest.fixture
def curator():
    return UserFactory(role="curator")


def content(**changes):
    values = {
        "source": SourceFactory(),
        "hypothesis": Hypothesis.objects.get(code="H1"),
        "direction": "A",
        "strength": 0.5,
        "authority": 0.8,
        "methodology": 0.7,
        "recency": None,
        "replication": 0.6,
        "description": "What was found.",
    }
    return {**values, **changes}


def test_a_new_item_is_a_draft_with_its_quality_writer_and_history(curator):
    item = evidence_create(actor=curator, content=content(recency=0.5), reason="Found it.")
    item.refresh_from_db()
    assert (item.status, item.version, item.created_by, item.updated_by) == ("draft", 1, curator, curator)
    assert item.quality == pytest.approx(0.3 * 0.8 + 0.3 * 0.7 + 0.2 * 0.5 + 0.2 * 0.6, abs=1e-15)
    record = item.history.get()
    assert (record.history_type, record.history_user, record.history_change_reason) == ("+", curator, "Found it.")


def test_items_without_a_name_get_the_next_number_of_their_hypothesis(curator):
    for name in ("H1-007", "H1-x9", "H11-050"):
        EvidenceFactory(public_id=name)
    assert evidence_create(actor=curator, content=content()).public_id == "H1-008"
    assert evidence_create(actor=curator, content=content()).public_id == "H1-009"
    other = content(hypothesis=Hypothesis.objects.get(code="H2"))
    assert evidence_create(actor=curator, content=other).public_id == "H2-001"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        *(({score: value}, score) for score in SCORES for value in (-0.1, 1.1, float("nan"), float("inf"))),
        ({"direction": "C"}, "direction"),
        ({"source": None}, "source"),
        ({"hypothesis": None}, "hypothesis"),
        ({"description": ""}, "description"),
        ({"description": "a\x00b"}, "description"),
        ({"description": "x" * 20_001}, "description"),
        ({"dependency_group": "g" * 201}, "dependency_group"),
        ({"status": "approved"}, "status"),
        ({"quality": 1.0}, "quality"),
    ],
)
def test_bad_content_is_named_and_stores_nothing(curator, wrong, words):
    with pytest.raises(ValidationError) as caught:
        evidence_create(actor=curator, content=content(**wrong))
    assert set(caught.value.message_dict) == {words}
    assert not Evidence.objects.exists()
    item = EvidenceFactory(status="draft", strength=0.4)
    with pytest.raises(ValidationError) as caught:
        evidence_edit(evidence=item, actor=curator, changes=wrong, reason="Better so.")
    assert set(caught.value.message_dict) == {words}
    item.refresh_from_db()
    assert (item.strength, item.version, item.history.count()) == (0.4, 1, 1)


@pytest.mark.parametrize("public_id", ["a b", "-1", "x" * 65, "H1-001"])
def test_a_bad_or_taken_name_is_refused(curator, public_id):
    EvidenceFactory(public_id="H1-001")
    with pytest.raises(ValidationError) as caught:
        evidence_create(actor=curator, content=content(), public_id=public_id)
    assert set(caught.value.message_dict) == {"public_id"}


@pytest.mark.parametrize("role", [None, "viewer", "analyst"])
def test_who_may_not_write_writes_nothing(role):
    user, item = UserFactory(role=role), EvidenceFactory(status="draft")
    for write in (
        lambda: evidence_create(actor=user, content=content()),
        lambda: evidence_edit(evidence=item, actor=user, changes={"description": "Other"}),
        lambda: source_create(actor=user, details={}),
        lambda: source_edit(source=item.source, actor=user, changes={"title": "Other"}),
        lambda: hypothesis_edit(hypothesis=item.hypothesis, actor=user, changes={"label": "Other"}),
    ):
        with pytest.raises(PermissionDenied):
            write()
    assert (item.history.count(), item.source.history.count()) == (1, 1)


@pytest.mark.parametrize("role", [None, "viewer", "analyst", "curator"])
def test_only_admins_delete(role):
    with pytest.raises(PermissionDenied):
        evidence_delete(evidence=EvidenceFactory(status="draft"), actor=UserFactory(role=role))
    assert Evidence.objects.exists()


def test_what_counted_once_is_not_deleted_and_what_never_did_is():
    admin = UserFactory(role="admin")
    never, once = EvidenceFactory(status="rejected"), EvidenceFactory(status="approved")
    once.status = "retired"
    once.save()
    with pytest.raises(Conflict, match="retire it instead"):
        evidence_delete(evidence=once, actor=admin)
    evidence_delete(evidence=never, actor=admin, reason="Twice the same.")
    assert list(Evidence.objects.all()) == [once]
    record = Evidence.history.get(id=never.pk, history_type="-")
    assert (record.history_user, record.history_change_reason) == (admin, "Twice the same.")


@pytest.mark.parametrize("field", [*SCORES, "direction", "source", "dependency_group", "hypothesis"])
def test_what_weighs_changes_with_a_reason_only(curator, field):
    item = EvidenceFactory(status="draft", recency=0.5)
    others = {"direction": "B", "source": SourceFactory(), "dependency_group": "g"}
    changes = {field: others.get(field, Hypothesis.objects.get(code="H2") if field == "hypothesis" else 0.123)}
    for reason in ("", "  \n"):
        with pytest.raises(ValidationError) as caught:
            evidence_edit(evidence=item, actor=curator, changes=changes, reason=reason)
        assert set(caught.value.message_dict) == {"reason"}
    stored = evidence_edit(evidence=item, actor=curator, changes=changes, reason=" New data. ")
    assert getattr(stored, field) == changes[field]
    assert (stored.version, stored.history.first().history_change_reason) == (2, "New data.")


def test_words_change_without_a_reason_and_the_same_again_is_no_change(curator):
    item = EvidenceFactory(status="draft")
    item = evidence_edit(evidence=item, actor=curator, changes={"description": "Other", "strength": 0.5})
    item = evidence_edit(evidence=item, actor=curator, changes={"description": "Other"})
    assert (item.description, item.version, item.history.count()) == ("Other", 2, 2)


def test_who_writes_on_an_old_version_is_told_so(curator):
    item = EvidenceFactory(status="draft")
    evidence_edit(evidence=item, actor=curator, changes={"description": "First"}, expected_version=1)
    with pytest.raises(StaleVersion):
        evidence_edit(evidence=item, actor=curator, changes={"description": "Second"}, expected_version=1)
    item.refresh_from_db()
    assert item.description == "First"


@pytest.mark.parametrize("reason", ["x" * 2001, "a\x00b"])
def test_a_reason_is_storable(curator, reason):
    with pytest.raises(ValidationError, match=r"At most|Null"):
        evidence_edit(evidence=EvidenceFactory(), actor=curator, changes={"description": "Other"}, reason=reason)


def test_quality_follows_the_configuration(monkeypatch):
    item = evidence_create(actor=UserFactory(role="curator"), content=content(recency=0.5))
    assert quality_refresh() == 0
    config = get_config()
    weights = {"authority_weight": 1.0, "methodology_weight": 0.0, "recency_weight": 0.0, "replication_weight": 0.0}
    settings = config.analysis.evidence.model_copy(update=weights)
    analysis = config.analysis.model_copy(update={"evidence": settings})
    monkeypatch.setattr("evidence.quality.get_config", lambda: config.model_copy(update={"analysis": analysis}))
    assert quality_refresh() == 1
    item.refresh_from_db()
    assert item.quality == 0.8


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        (None, set()),
        ("viewer", set()),
        ("analyst", {"approved"}),
        ("curator", set(EvidenceStatus.values)),
        ("admin", set(EvidenceStatus.values)),
    ],
)
def test_who_sees_which_evidence(role, statuses):
    for status in EvidenceStatus.values:
        EvidenceFactory(status=status)
    user = UserFactory(role=role)
    assert set(Evidence.objects.visible_to(user).values_list("status", flat=True)) == statuses
    assert Source.objects.visible_to(user).exists() is bool(statuses)
    assert Hypothesis.objects.visible_to(user).exists() is (role is not None)
