"""`paths [MODEL.json]`: when a probability is passed, when the lead changes, how entropy goes."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from typing import Any

from aifutures_site.config import get_config
from analysis.engine.paths import FORMS, parse_passage, path_report
from analysis.engine.spec import ModelDocument, with_run
from analysis.management.options import add_run_options, run_choices
from analysis.management.study import StudyCommand
from analysis.tables import paths as tables


class Command(StudyCommand):
    help = "Follow a model through its years: when probabilities pass a level, when the lead changes, the entropy."
    unit = "iterations"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_run_options(parser)
        parser.add_argument(
            "--passes",
            action="append",
            default=[],
            metavar="QUESTION",
            help=f"the first year in which this probability is reached: {FORMS}; may be repeated",
        )

    def subject(self, options: dict[str, Any]) -> ModelDocument:
        return with_run(super().subject(options), **run_choices(options))

    def compute(
        self, document: ModelDocument, options: dict[str, Any], threads: int, on_progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        questions = [parse_passage(document, text, "--passes") for text in options["passes"]]
        return path_report(
            document,
            questions,
            jit=get_config().computation.optimization.enable_jit,
            threads=threads,
            on_progress=lambda progress: on_progress(progress.completed, progress.total),
        )

    def summary(self, document: ModelDocument, found: Mapping[str, Any]) -> str:
        return tables.summary(found)

    def rows(self, found: Mapping[str, Any]) -> str:
        return tables.to_csv(found)
