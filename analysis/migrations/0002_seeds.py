"""The study's 22 influences, three clusters and 64 scenarios."""

import json
from pathlib import Path

from django.db import migrations

SEEDS = Path(__file__).parents[1] / "seeds"


def _read(name):
    return json.loads((SEEDS / name).read_text(encoding="utf-8"))


def create_seeds(apps, schema_editor):
    hypotheses = {item.code: item for item in apps.get_model("evidence", "Hypothesis").objects.all()}
    influence = apps.get_model("analysis", "Influence")
    for order, row in enumerate(_read("published_study.json")["influences"], start=1):
        influence.objects.get_or_create(
            source=hypotheses[row["source"]],
            source_outcome=row["source_outcome"],
            target=hypotheses[row["target"]],
            target_outcome=row["target_outcome"],
            defaults={"order": order, "strength": row["strength"], "description": row["description"]},
        )
    cluster = apps.get_model("analysis", "ScenarioCluster")
    for order, row in enumerate(_read("clusters.json"), start=1):
        cluster.objects.get_or_create(name=row.pop("name"), defaults={"order": order, **row})
    scenario = apps.get_model("analysis", "Scenario")
    for row in _read("scenarios.json"):
        scenario.objects.get_or_create(code=row.pop("code"), defaults=row)


def delete_seeds(apps, schema_editor):
    influence = apps.get_model("analysis", "Influence")
    for row in _read("published_study.json")["influences"]:
        influence.objects.filter(
            source__code=row["source"],
            source_outcome=row["source_outcome"],
            target__code=row["target"],
            target_outcome=row["target_outcome"],
        ).delete()
    names = [row["name"] for row in _read("clusters.json")]
    apps.get_model("analysis", "ScenarioCluster").objects.filter(name__in=names).delete()
    codes = [row["code"] for row in _read("scenarios.json")]
    apps.get_model("analysis", "Scenario").objects.filter(code__in=codes).delete()


class Migration(migrations.Migration):
    dependencies = [("analysis", "0001_initial"), ("evidence", "0002_hypotheses")]

    operations = [migrations.RunPython(create_seeds, delete_seeds)]
