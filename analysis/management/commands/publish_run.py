"""`publish_run RUN_ID`: make a finished run the baseline."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from analysis.selectors import run_by_id
from analysis.services.publication import run_publish


class Command(BaseCommand):
    help = "Make a run that succeeded the published baseline."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run_id", help="the run's id, or its first characters")
        parser.add_argument("--note", default="", help="what changed since the last baseline, and why")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = run_publish(run=run_by_id(options["run_id"]), actor=None, note=options["note"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from None
        self.stdout.write(f"{run} ({run.pk}) is the baseline.")
