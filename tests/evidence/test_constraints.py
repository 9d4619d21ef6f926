"""What the database itself refuses, whatever code writes."""

import math

import pytest
from django.db import DatabaseError, transaction
from django.db.models import ProtectedError

from evidence.models import Evidence, Hypothesis, Source
from tests.factories import EvidenceFactory, HypothesisFactory, SourceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

SCORES = ("strength", "authority", "methodology", "recency", "replication", "quality")


def refused(model, row, **values):
    """Whether an UPDATE, past all Python validation, is refused."""
    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.filter(pk=row.pk).update(**values)
    return True


@pytest.mark.parametrize("field", SCORES)
@pytest.mark.parametrize("value", [-0.001, 1.001, math.inf, -math.inf])
def test_scores_lie_between_0_and_1(field, value):
    assert refused(Evidence, EvidenceFactory(), **{field: value})


@pytest.mark.parametrize("field", SCORES)
def test_scores_are_numbers(field):
    item = EvidenceFactory(recency=0.5)
    try:
        with transaction.atomic():
            Evidence.objects.filter(pk=item.pk).update(**{field: math.nan})
    except DatabaseError:
        return
    item.refresh_from_db()
    assert item.recency is None  # SQLite stores NaN as null, which only recency may be


@pytest.mark.parametrize("field", SCORES)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_the_range_are_allowed(field, value):
    EvidenceFactory(**{field: value})


@pytest.mark.parametrize("values", [{"direction": "C"}, {"status": "lost"}, {"public_id": "a b"}, {"public_id": ""}])
def test_choices_and_forms_of_evidence(values):
    assert refused(Evidence, EvidenceFactory(), **values)


def test_an_id_is_used_once():
    EvidenceFactory(public_id="H1-001")
    with pytest.raises(DatabaseError), transaction.atomic():
        EvidenceFactory(public_id="H1-001")


@pytest.mark.parametrize(
    "values",
    [
        {"prior_probability": 0.0},
        {"prior_probability": 1.0},
        {"prior_probability": math.nan},
        {"initial_probability": 0.0},
        {"initial_probability": 1.5},
        {"midpoint_year": 1200.0},
        {"midpoint_sd": -1.0},
        {"midpoint_sd": 20.5},
        {"speed": 0.0},
        {"speed": 5.1},
        {"speed": math.inf},
        {"code": "1H"},
        {"code": "H 1"},
        {"code": "H2"},
        {"order": 2},
    ],
)
def test_hypotheses_hold_what_a_model_can_use(values):
    assert refused(Hypothesis, Hypothesis.objects.get(code="H1"), **values)


@pytest.mark.parametrize(
    "values",
    [
        {"source_type": "blog"},
        {"title": ""},
        {"key": ""},
        {"url": "", "identifier": ""},
        {"key": "taken"},
        {"url": "https://example.org/taken"},
        {"identifier": "doi:taken"},
    ],
)
def test_sources_are_named_and_stored_once(values):
    SourceFactory(key="taken", url="https://example.org/taken", identifier="doi:taken")
    assert refused(Source, SourceFactory(), **values)


def test_several_sources_may_lack_an_identifier_or_an_address():
    SourceFactory.create_batch(2, identifier="")
    SourceFactory(url="", identifier="isbn:1", key="isbn:1")
    SourceFactory(url="", identifier="isbn:2", key="isbn:2")


@pytest.mark.parametrize("what", ["source", "hypothesis"])
def test_what_evidence_refers_to_cannot_be_deleted(what):
    with pytest.raises(ProtectedError):
        getattr(EvidenceFactory(), what).delete()


def test_objects_have_names_for_people():
    assert str(EvidenceFactory(public_id="H1-001")) == "H1-001"
    assert str(SourceFactory(title="Findings")) == "Findings (2024)"
    assert str(HypothesisFactory(code="X9", label="Question")) == "X9 Question"
