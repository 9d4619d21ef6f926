"""`influence [MODEL.json]`: which evidence carries a result."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from typing import Any

from analysis.engine.influence import evidence_influence
from analysis.engine.sensitivity.outputs import FORMS
from analysis.engine.spec import ModelDocument
from analysis.management.study import StudyCommand
from analysis.tables import influence as tables


class Command(StudyCommand):
    help = "Leave out every item, source and dependency group in turn; show what the result loses with each."
    unit = "variants"
    kernel = "run_given"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--of", metavar="OUTPUT", help=f"rank by the effect on this: {FORMS} (default: on any hypothesis)"
        )

    def compute(
        self, document: ModelDocument, options: dict[str, Any], threads: int, on_progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        return evidence_influence(document, options["of"], threads=threads, on_progress=on_progress)

    def summary(self, document: ModelDocument, found: Mapping[str, Any]) -> str:
        return tables.summary(found)

    def rows(self, found: Mapping[str, Any]) -> str:
        return tables.to_csv(found)
