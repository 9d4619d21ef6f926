"""What the migrations bring, and that they can be taken back and applied again."""

import json
from itertools import product

import pytest
from django.core.management import call_command

from analysis.models import Influence, Scenario, ScenarioCluster
from analysis.services.model_documents import PUBLISHED_STUDY
from evidence.models import Hypothesis
from tests.factories import EvidenceFactory

STUDY = json.loads(PUBLISHED_STUDY.read_text(encoding="utf-8"))


@pytest.mark.sqlite
@pytest.mark.django_db
class TestSeeds:
    def test_hypotheses_are_the_studys_with_even_priors(self):
        for row, stored in zip(STUDY["hypotheses"], Hypothesis.objects.all(), strict=True):
            assert {key: getattr(stored, key) for key in row} == {**row, "prior_probability": 0.5}

    def test_influences_are_the_studys_in_its_order(self):
        stored = [
            {
                "source": row.source.code,
                "source_outcome": row.source_outcome,
                "target": row.target.code,
                "target_outcome": row.target_outcome,
                "strength": row.strength,
                "description": row.description,
            }
            for row in Influence.objects.select_related("source", "target")
        ]
        assert stored == STUDY["influences"]
        assert len(stored) == 22

    def test_clusters_are_the_studys_with_a_colour_each(self):
        rows = [{"name": row.name, "pattern": row.pattern} for row in ScenarioCluster.objects.all()]
        assert rows == STUDY["clusters"]
        assert list(ScenarioCluster.objects.values_list("colour", flat=True)) == ["#009E73", "#D55E00", "#0072B2"]

    def test_every_scenario_has_a_title_and_a_narrative_of_its_own(self):
        assert set(Scenario.objects.values_list("code", flat=True)) == {
            "".join(code) for code in product("AB", repeat=6)
        }
        for field in ("title", "narrative"):
            texts = set(Scenario.objects.values_list(field, flat=True))
            assert len(texts) == 64
            assert "" not in texts


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_seeds_can_be_taken_back_and_brought_again_without_touching_evidence():
    item = EvidenceFactory()
    Influence.objects.filter(order=1).update(strength=0.99)
    try:
        call_command("migrate", "analysis", "0001", verbosity=0)
        call_command("migrate", "evidence", "0001", verbosity=0)
        assert not Influence.objects.exists()
        assert not Scenario.objects.exists()
        assert list(Hypothesis.objects.values_list("pk", flat=True)) == [item.hypothesis_id]  # evidence speaks about it
    finally:
        call_command("migrate", verbosity=0)
    assert (Hypothesis.objects.count(), Influence.objects.count(), Scenario.objects.count()) == (6, 22, 64)
