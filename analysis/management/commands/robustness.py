"""`robustness [MODEL.json]`: what is left of a result when a decision behind it is taken otherwise."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from typing import Any

from aifutures_site.config import get_config
from analysis.engine.robustness import robustness_report
from analysis.engine.spec import ModelDocument
from analysis.management.study import StudyCommand
from analysis.services.model_documents import published_study
from analysis.tables import robustness as tables


class Command(StudyCommand):
    help = "Run a model under other causal models, weights, priors, dates and extremes; show what moves and what holds."
    unit = "runs"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--iterations",
            type=int,
            metavar="N",
            help="of every variant (default: 65,536, or as many as the model allows)",
        )

    def compute(
        self, document: ModelDocument, options: dict[str, Any], threads: int, on_progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        return robustness_report(
            document,
            published_priors={each.code: each.prior_probability for each in published_study().hypotheses},
            iterations=options["iterations"],
            jit=get_config().computation.optimization.enable_jit,
            threads=threads,
            on_progress=on_progress,
        )

    def summary(self, document: ModelDocument, found: Mapping[str, Any]) -> str:
        return tables.summary(found)

    def rows(self, found: Mapping[str, Any]) -> str:
        return tables.to_csv(found)
