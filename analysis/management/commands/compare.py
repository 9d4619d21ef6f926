"""`compare A B`: what differs between two results, what changed in their models, and what explains what."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from typing import Any

from aifutures_site.config import get_config
from analysis.engine.comparison import compare
from analysis.engine.result_file import Computed
from analysis.management.input import read_computed
from analysis.management.study import ReportCommand
from analysis.tables import comparison as tables

Pair = tuple[Computed, Computed]


class Command(ReportCommand[Pair]):
    help = "Compare two results and attribute their difference to the changes of the model."
    unit = "models"
    instead = "name two files that --output of a run wrote"

    def add_arguments(self, parser: ArgumentParser) -> None:
        where = "a stored run's id or its first characters, or a file that --output wrote"
        parser.add_argument("before", help=where)
        parser.add_argument("after", help="likewise")
        super().add_arguments(parser)
        parser.add_argument("--iterations", type=int, metavar="N", help="of each model on the way between the two")

    def subject(self, options: dict[str, Any]) -> Pair:
        return read_computed(options["before"]), read_computed(options["after"])

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
        return tables.summary(found)

    def rows(self, found: Mapping[str, Any]) -> str:
        return tables.to_csv(found)
