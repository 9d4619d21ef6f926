"""The six hypotheses of the study, with even priors."""

import json
from pathlib import Path

from django.db import migrations

SEED = Path(__file__).parents[1] / "seeds" / "hypotheses.json"


def create_hypotheses(apps, schema_editor):
    hypothesis = apps.get_model("evidence", "Hypothesis")
    for order, row in enumerate(json.loads(SEED.read_text(encoding="utf-8")), start=1):
        hypothesis.objects.get_or_create(code=row.pop("code"), defaults={"order": order, **row})


def delete_hypotheses(apps, schema_editor):
    """Only those that no evidence speaks about: curated items are not this migration's to delete."""
    codes = [row["code"] for row in json.loads(SEED.read_text(encoding="utf-8"))]
    apps.get_model("evidence", "Hypothesis").objects.filter(code__in=codes, items=None).delete()


class Migration(migrations.Migration):
    dependencies = [("evidence", "0001_initial")]

    operations = [migrations.RunPython(create_hypotheses, delete_hypotheses)]
