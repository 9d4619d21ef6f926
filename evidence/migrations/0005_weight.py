"""Weights are stored with items, so that lists sort by them; PostgreSQL finds words in long texts by an index."""

from django.db import migrations, models

from evidence.quality import weight_of

MODELS = ("Evidence", "EvidenceRevision", "HistoricalEvidence", "HistoricalEvidenceRevision")
WEIGHT = models.FloatField(
    default=0.0, editable=False, help_text="Weight of evidence in nats, above 0 for outcome A, before discounts."
)
TEXTS = {
    "evidence_evidence": ("public_id", "dependency_group", "description", "rationale"),
    "evidence_source": ("title", "authors", "publisher", "identifier", "url", "key"),
}
SEPARATORS = "-_./:@"  # as in evidence/search.py


def weigh(apps, schema_editor):
    for name in MODELS:
        manager = apps.get_model("evidence", name)._default_manager
        rows = list(manager.only("direction", "strength", "quality", "replication"))
        for row in rows:
            row.weight = weight_of(
                direction=row.direction, strength=row.strength, quality=row.quality, replication=row.replication
            )
        manager.bulk_update(rows, ["weight"], batch_size=500)


def add_words(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table, columns in TEXTS.items():
            text = " || ' ' || ".join(columns)
            spaces = " " * len(SEPARATORS)
            vector = f"to_tsvector('simple'::regconfig, translate({text}, '{SEPARATORS}', '{spaces}'))"
            schema_editor.execute(
                f"ALTER TABLE {table} ADD COLUMN words tsvector GENERATED ALWAYS AS ({vector}) STORED"
            )
            # In the row itself, so that a common word need not be looked for in rows' overflow
            schema_editor.execute(f"ALTER TABLE {table} ALTER COLUMN words SET STORAGE MAIN")
            schema_editor.execute(f"CREATE INDEX {table}_words_idx ON {table} USING gin (words)")


def remove_words(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in TEXTS:
            schema_editor.execute(f"ALTER TABLE {table} DROP COLUMN words")


class Migration(migrations.Migration):
    dependencies = [("evidence", "0004_first_history")]

    operations = [
        *(migrations.AddField(model_name=name.lower(), name="weight", field=WEIGHT) for name in MODELS),
        migrations.RunPython(weigh, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex("evidence", models.Index(fields=["weight"], name="evidence_evidence_weight_idx")),
        migrations.RunPython(add_words, remove_words),
    ]
