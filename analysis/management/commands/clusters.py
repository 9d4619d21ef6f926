"""`clusters [MODEL.json or run]`: the scenarios grouped by what the numbers say, beside the named clusters."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from aifutures_site.config import get_config
from analysis.engine.result_file import Computed, ResultError
from analysis.engine.simulate import simulate
from analysis.engine.spec import ModelDocument, with_run
from analysis.management.input import names_file, read_computed
from analysis.management.options import add_run_options, read_model, run_choices
from analysis.management.study import ReportCommand
from analysis.services.model_documents import model_document_build
from analysis.tables import clusters as tables


class Command(ReportCommand[ModelDocument | Computed]):
    help = "Group the scenarios by a tree of their distances; show how well it fits and agrees with the named clusters."
    unit = "iterations"
    kernel = "run_blocks"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "model", nargs="?", help="a model document, or a stored run's id (default: the database's baseline model)"
        )
        parser.add_argument(
            "--of", metavar="RESULT.json", help="instead of a model: a file that --output of a run wrote"
        )
        super().add_arguments(parser)
        add_run_options(parser)

    def subject(self, options: dict[str, Any]) -> ModelDocument | Computed:
        model, stored, choices = options["model"], options["of"], run_choices(options)
        if stored is None and (model is None or names_file(model)):
            return with_run(model_document_build() if model is None else read_model(Path(model)), **choices)
        if choices or (stored is not None and model is not None):
            raise CommandError("a result is taken as it is: give neither options of a run nor a model", returncode=2)
        return read_computed(model if stored is None else stored)

    def source(self, options: dict[str, Any]) -> str:
        return f"{options['of'] or options['model']}: " if options["of"] or options["model"] else ""

    def compute(
        self,
        subject: ModelDocument | Computed,
        options: dict[str, Any],
        threads: int,
        on_progress: Callable[[int, int], None],
    ) -> dict[str, Any]:
        if isinstance(subject, Computed):
            try:
                return tables.report(subject.result)
            except ResultError as error:
                raise CommandError(f"{self.source(options)}{error}", returncode=2) from None
        result = simulate(
            subject,
            jit=get_config().computation.optimization.enable_jit,
            threads=threads,
            on_progress=lambda progress: on_progress(progress.completed, progress.total),
        )
        return tables.report(result)

    def summary(self, subject: ModelDocument | Computed, found: Mapping[str, Any]) -> str:
        return tables.summary(found)

    def rows(self, found: Mapping[str, Any]) -> str:
        return tables.to_csv(found)
