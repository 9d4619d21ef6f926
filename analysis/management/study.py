"""What the commands that study a model have in common: where it comes from, progress, a table, a file."""

from __future__ import annotations

import json
import sys
from abc import abstractmethod
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from analysis import terminal
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.spec import ModelDocument, ModelError
from analysis.management.options import read_model
from analysis.management.output import check_output, write_output
from analysis.services.model_documents import model_document_build
from analysis.services.threads import engine_threads


class StudyCommand(BaseCommand):
    """A command that computes a document about a model, prints its tables and, where asked, stores it.

    Without a file the model is the database's baseline; with one, no database is needed.
    """

    requires_system_checks = ()
    unit = "evaluations"
    """What the progress counts."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The model, the threads and the file."""
        parser.add_argument("model", type=Path, nargs="?", help="a model document (default: the database's baseline)")
        parser.add_argument("--threads", type=int, metavar="N", help="threads (default: as configured, or every core)")
        parser.add_argument("--output", type=Path, metavar="OUT.json|.csv", help="write all of it, or its rows, here")

    @abstractmethod
    def compute(
        self, document: ModelDocument, options: dict[str, Any], threads: int, on_progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """The document. Raises ModelError, ImpossibleObservation."""

    @abstractmethod
    def summary(self, document: ModelDocument, found: Mapping[str, Any]) -> str:
        """The tables."""

    @abstractmethod
    def rows(self, found: Mapping[str, Any]) -> str:
        """The document's rows as CSV."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Compute, print, write."""
        output: Path | None = options["output"]
        _check(options["threads"], output)
        bar = terminal.ProgressBar(OutputWrapper(options.get("stderr") or sys.stderr))  # self.stderr writes in red
        source = f"{options['model']}: " if options["model"] else ""
        try:
            document = model_document_build() if options["model"] is None else read_model(options["model"])
            found = self.compute(
                document,
                options,
                options["threads"] or engine_threads(),
                lambda done, total: bar.step(done, total, f"{done:,} of {total:,} {self.unit}"),
            )
        except (ModelError, ImpossibleObservation) as error:
            bar.clear()
            raise CommandError(f"{source}{error}", returncode=2) from None
        except KeyboardInterrupt:
            bar.clear()
            raise CommandError("stopped; nothing was written") from None
        bar.end()
        self.stdout.write(self.summary(document, found))
        if output:
            write_output(output, self.rows(found) if output.suffix == ".csv" else json.dumps(found, indent=1) + "\n")
            self.stdout.write(f"Written to {output}")


def _check(threads: int | None, output: Path | None) -> None:
    if threads is not None and not 1 <= threads <= 1024:
        raise CommandError(f"--threads: must be 1 to 1024, not {threads}", returncode=2)
    if output is not None:
        if output.suffix not in {".json", ".csv"}:
            raise CommandError(f"--output {output}: must end with .json or .csv", returncode=2)
        check_output(output)
