"""Which model a study is about, so that the pages of a run find its studies."""

from django.db import migrations, models

from analysis.engine.spec import ModelError, input_hash, parse_model

FIELD = models.CharField(
    blank=True, default="", help_text="The input hash of runs of the model, which are what it is about.", max_length=64
)
KINDS = {"sensitivitystudy": "analysis_sensitivity", "robustnessreport": "analysis_robustness"}


def fill(apps, schema_editor):
    """The hashes of what is there; a document that the engine cannot read any more has none."""
    for name in KINDS:
        model = apps.get_model("analysis", name)
        for row in model.objects.only("model_document").iterator(chunk_size=20):
            try:
                row.model_hash = input_hash(parse_model(row.model_document))
            except ModelError:
                continue
            row.save(update_fields=["model_hash"])


class Migration(migrations.Migration):
    dependencies = [("analysis", "0006_saved_questions")]

    operations = [
        *(migrations.AddField(name, "model_hash", FIELD, preserve_default=False) for name in KINDS),
        *(
            migrations.AddIndex(name, models.Index(fields=["model_hash", "-created_at"], name=f"{prefix}_of_model"))
            for name, prefix in KINDS.items()
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
