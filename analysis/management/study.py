"""What the commands that study models have in common: where they come from, progress, a table, a file."""

from __future__ import annotations

import json
import sys
from abc import abstractmethod
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import DatabaseError, InterfaceError

from analysis import terminal
from analysis.engine.comparison import ComparisonError
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.kernel_cache import is_kept
from analysis.engine.spec import ModelDocument, ModelError
from analysis.management.options import add_threads, chosen_threads, read_model
from analysis.management.output import check_output, write_output
from analysis.services.model_documents import model_document_build

Subject = TypeVar("Subject")


class ReportCommand(BaseCommand, Generic[Subject]):
    """A command that computes a document about something, prints its tables and, where asked, stores it."""

    requires_system_checks = ()
    unit = "evaluations"
    """What the progress counts."""
    kernel = "run_blocks"
    """The compiled function that computes it."""
    instead = "give a MODEL.json"
    """What to do without a database."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The threads and the file."""
        add_threads(parser)
        parser.add_argument("--output", type=Path, metavar="OUT.json|.csv", help="write all of it, or its rows, here")

    @abstractmethod
    def subject(self, options: dict[str, Any]) -> Subject:
        """What the document is about. Raises ModelError, CommandError."""

    def source(self, options: dict[str, Any]) -> str:
        """Where that comes from, in front of errors about it."""
        return ""

    @abstractmethod
    def compute(
        self, subject: Subject, options: dict[str, Any], threads: int, on_progress: Callable[[int, int], None], /
    ) -> dict[str, Any]:
        """The document. Raises ModelError, ImpossibleObservation, ComparisonError."""

    @abstractmethod
    def summary(self, subject: Subject, found: Mapping[str, Any], /) -> str:
        """The tables."""

    @abstractmethod
    def rows(self, found: Mapping[str, Any]) -> str:
        """The document's rows as CSV."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Compute, print, write."""
        output: Path | None = options["output"]
        threads = chosen_threads(options)
        _check(output)
        bar = terminal.ProgressBar(OutputWrapper(options.get("stderr") or sys.stderr))  # self.stderr writes in red
        try:
            subject = self.subject(options)
            if not is_kept(self.kernel):
                bar.say("Compiling the engine for this kind of study: about half a minute, this once")
            found = self.compute(
                subject,
                options,
                threads,
                lambda done, total: bar.step(done, total, f"{done:,} of {total:,} {self.unit}"),
            )
        except (ModelError, ImpossibleObservation, ComparisonError) as error:
            bar.clear()
            raise CommandError(f"{self.source(options)}{error}", returncode=2) from None
        except (DatabaseError, InterfaceError) as error:
            reason = str(error).partition("\n")[0]
            raise CommandError(f"no database to read from ({reason}): run `make demo`, or {self.instead}") from None
        except KeyboardInterrupt:
            bar.clear()
            raise CommandError("stopped; nothing was written") from None
        bar.end()
        self.stdout.write(self.summary(subject, found))
        if output:
            write_output(output, self.rows(found) if output.suffix == ".csv" else _json(found))
            self.stdout.write(f"Written to {output}")


def _json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=1, allow_nan=False) + "\n"  # what is no number is no JSON


class StudyCommand(ReportCommand[ModelDocument]):
    """A command about one model: that of a file, or the database's baseline; with a file, no database is needed."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The model, the threads and the file."""
        parser.add_argument("model", type=Path, nargs="?", help="a model document (default: the database's baseline)")
        super().add_arguments(parser)

    def subject(self, options: dict[str, Any]) -> ModelDocument:
        """The model."""
        return model_document_build() if options["model"] is None else read_model(options["model"])

    def source(self, options: dict[str, Any]) -> str:
        """The file's name."""
        return f"{options['model']}: " if options["model"] else ""


def _check(output: Path | None) -> None:
    if output is not None:
        if output.suffix not in {".json", ".csv"}:
            raise CommandError(f"--output {output}: must end with .json or .csv", returncode=2)
        check_output(output)
