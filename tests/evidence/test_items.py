"""Quality, and the services for single sources and items."""

import json
from datetime import date
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

import evidence
from aifutures_site.config import get_config
from evidence.choices import EvidenceStatus
from evidence.models import Evidence, Hypothesis, Source
from evidence.quality import quality_of, recency_of
from evidence.services.items import evidence_save, quality_refresh, source_save
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db

SEEDS = Path(evidence.__file__).parent / "seeds"


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


def test_saving_an_item_notes_its_quality_and_who_wrote_it():
    first, second = UserFactory.create_batch(2)
    item = evidence_save(evidence=EvidenceFactory.build(source=SourceFactory(), quality=None), actor=first)
    assert (item.created_by, item.updated_by) == (first, first)
    before, item.authority = item.quality, 0.1
    evidence_save(evidence=item, actor=second)
    assert (item.created_by, item.updated_by) == (first, second)
    assert item.quality == pytest.approx(before - 0.3 * 0.7)


def test_saving_refuses_a_score_out_of_range():
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        evidence_save(evidence=EvidenceFactory.build(source=SourceFactory(), authority=1.2), actor=None)
    assert not Evidence.objects.exists()


def test_a_source_gets_a_key_once_and_its_date_moves_the_quality_of_its_items():
    source = source_save(source=SourceFactory.build(key="", url="https://example.org/a/"))
    assert source.key == "example.org/a"
    item = evidence_save(evidence=EvidenceFactory.build(source=source), actor=None)
    source.url, source.publication_date = "https://example.org/b", date(2014, 3, 1)
    source_save(source=source)
    item.refresh_from_db()
    assert source.key == "example.org/a"
    assert item.quality == pytest.approx(0.3 * 0.8 + 0.3 * 0.7 + 0.2 * 0.6)


def test_a_source_without_address_and_identifier_is_refused():
    with pytest.raises(ValidationError, match="A source needs an address or an identifier"):
        source_save(source=SourceFactory.build(key="", url=""))
    assert not Source.objects.exists()


def test_quality_follows_the_configuration(monkeypatch):
    item = evidence_save(evidence=EvidenceFactory.build(source=SourceFactory(), recency=0.5), actor=None)
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
