import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analysis", "0002_seeds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="analysisrun",
            name="cached_from",
            field=models.ForeignKey(
                blank=True,
                help_text="The one that computed the result, where this one did not have to.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="analysis.analysisrun",
            ),
        ),
        migrations.AlterField(
            model_name="analysisrun",
            name="input_hash",
            field=models.CharField(help_text="SHA-256 of all that bears on the numbers.", max_length=64),
        ),
        migrations.AlterField(
            model_name="analysisrun",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                help_text="Who asked for it; empty for the system's own.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="analysisrun",
            name="result",
            field=models.JSONField(blank=True, help_text="The outcome, a result document.", null=True),
        ),
        migrations.CreateModel(
            name="RobustnessReport",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(blank=True, max_length=200)),
                (
                    "is_shared",
                    models.BooleanField(
                        default=False, help_text="Everyone who reads results may see it.", verbose_name="shared"
                    ),
                ),
                ("model_document", models.JSONField(help_text="The inputs, `aifutures.model/1`.")),
                ("input_hash", models.CharField(help_text="SHA-256 of all that bears on the numbers.", max_length=64)),
                ("engine_version", models.CharField(max_length=32)),
                ("result", models.JSONField(blank=True, help_text="The outcome, a result document.", null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("error", models.TextField(blank=True, help_text="Why it failed and what can be done about it.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("queued_at", models.DateTimeField(blank=True, help_text="Last time it entered the queue.", null=True)),
                ("started_at", models.DateTimeField(blank=True, help_text="Last time a worker took it.", null=True)),
                (
                    "finished_at",
                    models.DateTimeField(blank=True, help_text="When it reached a final state.", null=True),
                ),
                ("cancel_requested_at", models.DateTimeField(blank=True, null=True)),
                (
                    "progress_seq",
                    models.PositiveIntegerField(default=0, help_text="Number of the last progress message."),
                ),
                (
                    "attempt",
                    models.PositiveSmallIntegerField(default=0, help_text="How many workers have taken it so far."),
                ),
                ("losses", models.PositiveSmallIntegerField(default=0, help_text="How many of them died over it.")),
                ("job_id", models.CharField(blank=True, help_text="Id of the queue's job.", max_length=64)),
                (
                    "heartbeat_at",
                    models.DateTimeField(blank=True, help_text="Last sign of life of its worker.", null=True),
                ),
                (
                    "request",
                    models.JSONField(
                        help_text="What is asked; with the model document, all that the result depends on."
                    ),
                ),
                ("steps_total", models.PositiveBigIntegerField(default=0, help_text="0 while nobody knows.")),
                ("steps_completed", models.PositiveBigIntegerField(default=0)),
                (
                    "cached_from",
                    models.ForeignKey(
                        blank=True,
                        help_text="The one that computed the result, where this one did not have to.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="analysis.robustnessreport",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who asked for it; empty for the system's own.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "robustness report",
                "ordering": ["-created_at", "-id"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="RobustnessTransition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=16,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("attempt", models.PositiveSmallIntegerField()),
                ("reason", models.TextField(blank=True)),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="transitions",
                        to="analysis.robustnessreport",
                    ),
                ),
            ],
            options={
                "verbose_name": "transition",
                "ordering": ["at", "id"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SensitivityStudy",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(blank=True, max_length=200)),
                (
                    "is_shared",
                    models.BooleanField(
                        default=False, help_text="Everyone who reads results may see it.", verbose_name="shared"
                    ),
                ),
                ("model_document", models.JSONField(help_text="The inputs, `aifutures.model/1`.")),
                ("input_hash", models.CharField(help_text="SHA-256 of all that bears on the numbers.", max_length=64)),
                ("engine_version", models.CharField(max_length=32)),
                ("result", models.JSONField(blank=True, help_text="The outcome, a result document.", null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("error", models.TextField(blank=True, help_text="Why it failed and what can be done about it.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("queued_at", models.DateTimeField(blank=True, help_text="Last time it entered the queue.", null=True)),
                ("started_at", models.DateTimeField(blank=True, help_text="Last time a worker took it.", null=True)),
                (
                    "finished_at",
                    models.DateTimeField(blank=True, help_text="When it reached a final state.", null=True),
                ),
                ("cancel_requested_at", models.DateTimeField(blank=True, null=True)),
                (
                    "progress_seq",
                    models.PositiveIntegerField(default=0, help_text="Number of the last progress message."),
                ),
                (
                    "attempt",
                    models.PositiveSmallIntegerField(default=0, help_text="How many workers have taken it so far."),
                ),
                ("losses", models.PositiveSmallIntegerField(default=0, help_text="How many of them died over it.")),
                ("job_id", models.CharField(blank=True, help_text="Id of the queue's job.", max_length=64)),
                (
                    "heartbeat_at",
                    models.DateTimeField(blank=True, help_text="Last sign of life of its worker.", null=True),
                ),
                (
                    "request",
                    models.JSONField(
                        help_text="What is asked; with the model document, all that the result depends on."
                    ),
                ),
                ("steps_total", models.PositiveBigIntegerField(default=0, help_text="0 while nobody knows.")),
                ("steps_completed", models.PositiveBigIntegerField(default=0)),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("sobol", "Sobol' indices"),
                            ("morris", "Elementary effects (Morris)"),
                            ("local", "Local derivatives and swings"),
                            ("value_of_information", "Value of information"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "output",
                    models.CharField(help_text="The number that is explained, such as entropy@2050.", max_length=200),
                ),
                (
                    "cached_from",
                    models.ForeignKey(
                        blank=True,
                        help_text="The one that computed the result, where this one did not have to.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="analysis.sensitivitystudy",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who asked for it; empty for the system's own.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "sensitivity study",
                "verbose_name_plural": "sensitivity studies",
                "ordering": ["-created_at", "-id"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SensitivityTransition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=16,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("attempt", models.PositiveSmallIntegerField()),
                ("reason", models.TextField(blank=True)),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="transitions",
                        to="analysis.sensitivitystudy",
                    ),
                ),
            ],
            options={
                "verbose_name": "transition",
                "ordering": ["at", "id"],
                "abstract": False,
            },
        ),
        migrations.AddIndex(
            model_name="robustnessreport",
            index=models.Index(fields=["-created_at", "-id"], name="analysis_robustness_newest"),
        ),
        migrations.AddIndex(
            model_name="robustnessreport",
            index=models.Index(fields=["owner", "-created_at"], name="analysis_robustness_of_owner"),
        ),
        migrations.AddIndex(
            model_name="robustnessreport",
            index=models.Index(fields=["status", "-created_at"], name="analysis_robustness_by_status"),
        ),
        migrations.AddIndex(
            model_name="robustnessreport",
            index=models.Index(
                condition=models.Q(("is_shared", True)), fields=["-created_at"], name="analysis_robustness_shared"
            ),
        ),
        migrations.AddIndex(
            model_name="robustnessreport",
            index=models.Index(
                condition=models.Q(("status__in", ("queued", "running"))),
                fields=["status", "heartbeat_at"],
                name="analysis_robustness_active",
            ),
        ),
        migrations.AddIndex(
            model_name="robustnessreport",
            index=models.Index(
                condition=models.Q(("status", "succeeded")),
                fields=["input_hash", "engine_version", "-finished_at"],
                name="analysis_robustness_cache",
            ),
        ),
        migrations.AddConstraint(
            model_name="robustnessreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["queued", "running", "succeeded", "failed", "cancelled"])),
                name="analysis_robustness_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="robustnessreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "succeeded"), _negated=True),
                    ("result__isnull", False),
                    ("cached_from__isnull", False),
                    _connector="OR",
                ),
                name="analysis_robustness_succeeded_has_result",
            ),
        ),
        migrations.AddConstraint(
            model_name="robustnessreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", False), ("status__in", ("succeeded", "failed", "cancelled"))),
                    models.Q(("finished_at__isnull", True), ("status__in", ("queued", "running"))),
                    _connector="OR",
                ),
                name="analysis_robustness_final_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="robustnessreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "running"), _negated=True),
                    models.Q(("attempt__gte", 1), ("started_at__isnull", False)),
                    _connector="OR",
                ),
                name="analysis_robustness_running_has_worker",
            ),
        ),
        migrations.AddConstraint(
            model_name="robustnessreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "failed"), _negated=True),
                    models.Q(("error", ""), _negated=True),
                    _connector="OR",
                ),
                name="analysis_robustness_failed_has_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="robustnessreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("input_hash__regex", "^[0-9a-f]{64}\\Z")), name="analysis_robustness_input_hash"
            ),
        ),
        migrations.AddConstraint(
            model_name="robustnessreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cached_from__isnull", True),
                    models.Q(("cached_from", models.F("id")), _negated=True),
                    _connector="OR",
                ),
                name="analysis_robustness_not_cached_from_itself",
            ),
        ),
        migrations.AddConstraint(
            model_name="robustnessreport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("job_id", ""), _negated=True),
                fields=("job_id",),
                name="analysis_robustness_job_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="robustnessreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("steps_completed__lte", models.F("steps_total"))),
                name="analysis_robustness_progress",
            ),
        ),
        migrations.AddConstraint(
            model_name="robustnesstransition",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["queued", "running", "succeeded", "failed", "cancelled"])),
                name="analysis_robustness_transition_status",
            ),
        ),
        migrations.AddIndex(
            model_name="sensitivitystudy",
            index=models.Index(fields=["-created_at", "-id"], name="analysis_sensitivity_newest"),
        ),
        migrations.AddIndex(
            model_name="sensitivitystudy",
            index=models.Index(fields=["owner", "-created_at"], name="analysis_sensitivity_of_owner"),
        ),
        migrations.AddIndex(
            model_name="sensitivitystudy",
            index=models.Index(fields=["status", "-created_at"], name="analysis_sensitivity_by_status"),
        ),
        migrations.AddIndex(
            model_name="sensitivitystudy",
            index=models.Index(
                condition=models.Q(("is_shared", True)), fields=["-created_at"], name="analysis_sensitivity_shared"
            ),
        ),
        migrations.AddIndex(
            model_name="sensitivitystudy",
            index=models.Index(
                condition=models.Q(("status__in", ("queued", "running"))),
                fields=["status", "heartbeat_at"],
                name="analysis_sensitivity_active",
            ),
        ),
        migrations.AddIndex(
            model_name="sensitivitystudy",
            index=models.Index(
                condition=models.Q(("status", "succeeded")),
                fields=["input_hash", "engine_version", "-finished_at"],
                name="analysis_sensitivity_cache",
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitystudy",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["queued", "running", "succeeded", "failed", "cancelled"])),
                name="analysis_sensitivity_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitystudy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "succeeded"), _negated=True),
                    ("result__isnull", False),
                    ("cached_from__isnull", False),
                    _connector="OR",
                ),
                name="analysis_sensitivity_succeeded_has_result",
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitystudy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", False), ("status__in", ("succeeded", "failed", "cancelled"))),
                    models.Q(("finished_at__isnull", True), ("status__in", ("queued", "running"))),
                    _connector="OR",
                ),
                name="analysis_sensitivity_final_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitystudy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "running"), _negated=True),
                    models.Q(("attempt__gte", 1), ("started_at__isnull", False)),
                    _connector="OR",
                ),
                name="analysis_sensitivity_running_has_worker",
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitystudy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "failed"), _negated=True),
                    models.Q(("error", ""), _negated=True),
                    _connector="OR",
                ),
                name="analysis_sensitivity_failed_has_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitystudy",
            constraint=models.CheckConstraint(
                condition=models.Q(("input_hash__regex", "^[0-9a-f]{64}\\Z")), name="analysis_sensitivity_input_hash"
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitystudy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cached_from__isnull", True),
                    models.Q(("cached_from", models.F("id")), _negated=True),
                    _connector="OR",
                ),
                name="analysis_sensitivity_not_cached_from_itself",
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitystudy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("job_id", ""), _negated=True),
                fields=("job_id",),
                name="analysis_sensitivity_job_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitystudy",
            constraint=models.CheckConstraint(
                condition=models.Q(("steps_completed__lte", models.F("steps_total"))),
                name="analysis_sensitivity_progress",
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitystudy",
            constraint=models.CheckConstraint(
                condition=models.Q(("method__in", ["sobol", "morris", "local", "value_of_information"])),
                name="analysis_sensitivity_method",
            ),
        ),
        migrations.AddConstraint(
            model_name="sensitivitytransition",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["queued", "running", "succeeded", "failed", "cancelled"])),
                name="analysis_sensitivity_transition_status",
            ),
        ),
    ]
