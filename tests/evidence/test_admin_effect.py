"""What is told of an item's effect while its scores are edited."""

import math

import pytest
from django.urls import reverse

from analysis.effects import item_effect, posterior_changes
from analysis.engine.posterior import posteriors
from analysis.services.model_documents import model_document_build
from analysis.wording import bayes_factor, jeffreys
from evidence.models import Evidence, Hypothesis
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db


def mus():
    return {found.code: found.mu for found in posteriors(model_document_build())}


def draft_of(item, **changes):
    return Evidence(public_id=item.public_id, **{**item.content, **changes})


def test_the_effect_told_is_what_an_approval_does():
    EvidenceFactory.create_batch(2, dependency_group="g")
    item = EvidenceFactory(dependency_group="g", direction="B", strength=0.2)
    told = item_effect(stored=item, draft=draft_of(item, direction="A", strength=0.9))
    before = mus()["H1"]
    Evidence.objects.filter(pk=item.pk).update(direction="A", strength=0.9)
    (change,) = told.changes
    assert (change.before.mu, change.after.mu) == pytest.approx((before, mus()["H1"]))
    assert change.points == pytest.approx(100 * (1 / (1 + math.exp(-change.after.mu)) - 1 / (1 + math.exp(-before))))
    assert (told.members, told.groups) == (3, 1)
    assert 0 < told.entry.shrink <= 1


def test_an_item_that_changes_its_hypothesis_moves_both():
    item = EvidenceFactory(strength=0.9)
    before = mus()
    second = Hypothesis.objects.get(code="H2")
    changes = item_effect(stored=item, draft=draft_of(item, hypothesis=second)).changes
    Evidence.objects.filter(pk=item.pk).update(hypothesis=second)
    after = mus()
    assert [change.hypothesis.code for change in changes] == ["H1", "H2"]
    for change in changes:
        code = change.hypothesis.code
        assert (change.before.mu, change.after.mu) == pytest.approx((before[code], after[code]))
        assert (change.points != 0) and change.items == 1


def test_what_is_not_approved_counts_only_in_the_after():
    item = EvidenceFactory(status="submitted")
    (change,) = posterior_changes(removed=[item], added=[item])
    assert change.before.mu == pytest.approx(mus()["H1"])
    assert change.after.mu > change.before.mu


@pytest.mark.parametrize(
    ("weight", "factor", "word"),
    [
        (0.0, "1.0", "barely worth mentioning"),
        (-math.log(3.1), "3.1", "barely worth mentioning"),
        (math.log(3.2), "3.2", "substantial"),
        (-math.log(12), "12", "strong"),
        (math.log(50), "50", "very strong"),
        (math.log(101), "101", "decisive"),
        (-20.0, "> 1000", "decisive"),
    ],
)
def test_bayes_factors_are_said_on_jeffreys_scale(weight, factor, word):
    assert (bayes_factor(weight), jeffreys(weight)) == (factor, word)


class TestEndpoint:
    def ask(self, client, **values):
        scores = {"strength": 0.5, "authority": 0.8, "methodology": 0.7, "recency": "", "replication": 0.6}
        given = {"hypothesis": Hypothesis.objects.get(code="H1").pk, "direction": "A", "dependency_group": "", **scores}
        return client.post(reverse("evidence_effect"), {**given, **values})

    @pytest.mark.parametrize(("role", "status"), [("viewer", 302), ("analyst", 302), ("curator", 200), ("admin", 200)])
    def test_who_may_ask(self, client, role, status):
        client.force_login(UserFactory(role=role))
        assert self.ask(client, source=SourceFactory().pk).status_code == status

    def test_it_answers_in_words_and_stores_nothing(self, client):
        client.force_login(UserFactory(role="curator"))
        item = EvidenceFactory(strength=0.1)
        answer = self.ask(client, item=item.pk, source=item.source_id, strength=0.9).json()
        assert answer["missing"] == [] and answer["left_out"] == ""
        assert answer["weight"].startswith("+") and answer["weight"].endswith(" nats")
        (posterior,) = answer["posteriors"]
        assert posterior["hypothesis"].startswith("H1 ") and posterior["change"].startswith("+")
        item.refresh_from_db()
        assert item.strength == 0.1
        assert Evidence.objects.count() == 1

    def test_a_new_item(self, client):
        client.force_login(UserFactory(role="curator"))
        answer = self.ask(client, item="", source=SourceFactory().pk).json()
        assert answer["shrinkage"] == "100\u202f% of its weight: in no group, 1 group for this outcome"

    @pytest.mark.parametrize(
        ("wrong", "missing"),
        [
            ({"strength": "1.5"}, ["strength"]),
            ({"authority": "nan"}, ["authority"]),
            ({"direction": "C"}, ["direction"]),
        ],
    )
    def test_what_is_not_right_yet_is_named(self, client, wrong, missing):
        client.force_login(UserFactory(role="curator"))
        assert self.ask(client, source=SourceFactory().pk, **wrong).json() == {"missing": missing}

    def test_what_analyses_leave_out_is_said(self, client):
        client.force_login(UserFactory(role="curator"))
        answer = self.ask(client, source=SourceFactory(publication_date="1990-01-01").pk).json()
        assert "older than analyses look back" in answer["left_out"]
        assert answer["posteriors"][0]["change"] == "none"

    def test_only_asking_by_post(self, client):
        client.force_login(UserFactory(role="curator"))
        assert client.get(reverse("evidence_effect")).status_code == 405
