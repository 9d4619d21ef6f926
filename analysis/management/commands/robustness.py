"""`robustness [MODEL.json]`: what is left of a result when a decision behind it is taken otherwise."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from aifutures_site.config import get_config
from analysis import robustness_tables, terminal
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.robustness import ITERATIONS, robustness_report
from analysis.engine.spec import ModelDocument, ModelError
from analysis.management.options import read_model
from analysis.management.output import check_output, write_output
from analysis.services.model_documents import model_document_build, published_study
from analysis.services.threads import engine_threads


class Command(BaseCommand):
    help = "Run a model under other causal models, weights, priors, dates and extremes; show what moves and what holds."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", type=Path, nargs="?", help="a model document (default: the database's baseline)")
        parser.add_argument(
            "--iterations", type=int, default=ITERATIONS, metavar="N", help="of every variant (%(default)s)"
        )
        parser.add_argument("--threads", type=int, metavar="N", help="threads (default: as configured, or every core)")
        parser.add_argument("--output", type=Path, metavar="OUT.json|.csv", help="write the report, or its rows, here")

    def handle(self, *args: Any, **options: Any) -> None:
        output: Path | None = options["output"]
        _check(options["threads"], output)
        bar = terminal.ProgressBar(OutputWrapper(options.get("stderr") or sys.stderr))  # self.stderr writes in red
        source = f"{options['model']}: " if options["model"] else ""
        try:
            report = robustness_report(
                _document(options["model"]),
                published_priors={each.code: each.prior_probability for each in published_study().hypotheses},
                iterations=options["iterations"],
                jit=get_config().computation.optimization.enable_jit,
                threads=options["threads"] or engine_threads(),
                on_progress=lambda done, total: bar.step(done, total, f"{done} of {total} runs"),
            )
        except (ModelError, ImpossibleObservation) as error:
            bar.clear()
            raise CommandError(f"{source}{error}", returncode=2) from None
        except KeyboardInterrupt:
            bar.clear()
            raise CommandError("stopped; nothing was written") from None
        bar.end()
        self.stdout.write(robustness_tables.summary(report))
        if output:
            as_csv = output.suffix == ".csv"
            write_output(output, robustness_tables.to_csv(report) if as_csv else json.dumps(report, indent=1) + "\n")
            self.stdout.write(f"Report written to {output}")


def _check(threads: int | None, output: Path | None) -> None:
    if threads is not None and not 1 <= threads <= 1024:
        raise CommandError(f"--threads: must be 1 to 1024, not {threads}", returncode=2)
    if output is not None:
        if output.suffix not in {".json", ".csv"}:
            raise CommandError(f"--output {output}: must end with .json or .csv", returncode=2)
        check_output(output)


def _document(path: Path | None) -> ModelDocument:
    return model_document_build() if path is None else read_model(path)
