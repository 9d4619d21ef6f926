"""`compare A B`: what differs between two results, what changed in their models, and what explains what."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from aifutures_site.config import get_config
from analysis import comparison_tables
from analysis.engine.comparison import compare
from analysis.engine.result_file import Computed
from analysis.engine.spec import parse_model
from analysis.management.input import read_result
from analysis.management.study import ReportCommand
from analysis.selectors import run_by_id

Pair = tuple[Computed, Computed]


class Command(ReportCommand[Pair]):
    help = "Compare two results and attribute their difference to the changes of the model."
    unit = "models"

    def add_arguments(self, parser: ArgumentParser) -> None:
        where = "a stored run's id or its first characters, or a file that --output wrote"
        parser.add_argument("before", help=where)
        parser.add_argument("after", help="likewise")
        super().add_arguments(parser)
        parser.add_argument("--iterations", type=int, metavar="N", help="of each model on the way between the two")

    def subject(self, options: dict[str, Any]) -> Pair:
        return _computed(options["before"]), _computed(options["after"])

    def compute(
        self, subject: Pair, options: dict[str, Any], threads: int, on_progress: Callable[[int, int], None], /
    ) -> dict[str, Any]:
        before, after = subject
        return compare(
            *before,
            *after,
            iterations=options["iterations"],
            jit=get_config().computation.optimization.enable_jit,
            threads=threads,
            on_progress=on_progress,
        )

    def summary(self, subject: Pair, found: Mapping[str, Any], /) -> str:
        return comparison_tables.summary(found)

    def rows(self, found: Mapping[str, Any]) -> str:
        return comparison_tables.to_csv(found)


def _computed(name: str) -> Computed:
    """The result of a file, or of a run that has one. Raises CommandError."""
    if Path(name).exists():
        return read_result(Path(name))
    try:
        run = run_by_id(name)
    except ValidationError as error:
        raise CommandError(f"{' '.join(error.messages)} Nor is there a file of that name.", returncode=2) from None
    if run.result_document is None:
        raise CommandError(f"run {run.short_id} has no result: it is {run.get_status_display().lower()}", returncode=2)
    return Computed(parse_model(run.model_document), run.result_document)
