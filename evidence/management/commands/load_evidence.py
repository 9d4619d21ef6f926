"""`load_evidence [FILE]`: an evidence file into the database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from evidence.documents import EvidenceError, parse_evidence
from evidence.services.loads import evidence_load

BASELINE = Path(__file__).parents[2] / "data" / "evidence_baseline.json"


class Command(BaseCommand):
    help = "Load an evidence file, whole or not at all. Loading it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", nargs="?", type=Path, default=BASELINE, help="an aifutures.evidence/1 file; default: the baseline"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            load = evidence_load(document=parse_evidence(path.read_bytes()))
        except OSError as error:
            raise CommandError(f"Cannot read {path}: {error.strerror}.", returncode=2) from None
        except EvidenceError as error:
            for fault in error.faults:
                self.stderr.write(f"{path.name}: {fault}")
            raise SystemExit(2) from None
        self.stdout.write(f"Evidence: {load.items}.")
        self.stdout.write(f"Sources: {load.sources}.")
