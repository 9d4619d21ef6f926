"""What was stored before histories were kept gets its first record."""

from django.db import migrations
from django.utils import timezone

MODELS = ("Hypothesis", "Source", "Evidence")


def write_first_records(apps, schema_editor):
    now = timezone.now()
    for name in MODELS:
        model, history = (apps.get_model("evidence", kind) for kind in (name, f"Historical{name}"))
        recorded = history.objects.values("id")
        fields = [field.attname for field in model._meta.concrete_fields]
        history.objects.bulk_create(
            [
                history(
                    **row,
                    history_date=row.get("created_at", now),
                    history_type="+",
                    history_change_reason="As first stored.",
                )
                for row in model.objects.exclude(pk__in=recorded).values(*fields)
            ],
            batch_size=1000,
        )


class Migration(migrations.Migration):
    dependencies = [("evidence", "0003_review")]

    operations = [migrations.RunPython(write_first_records, migrations.RunPython.noop)]
