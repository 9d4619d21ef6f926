"""`simulate MODEL.json`: run a model document here and now, without database or queue."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from aifutures_site.config import get_config
from analysis import terminal
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.simulate import simulate
from analysis.engine.spec import MAX_BYTES, ModelDocument, ModelError, parse_model, with_run
from analysis.management.options import add_run_options, run_choices
from analysis.management.output import check_output, write_output
from analysis.services.threads import engine_threads


class Command(BaseCommand):
    help = "Simulate a model document (aifutures.model/1) in this process and print or store the result."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", type=Path, help="a model document, e.g. from export_model")
        add_run_options(parser)
        parser.add_argument("--threads", type=int, metavar="N", help="threads (default: as configured, or every core)")
        parser.add_argument("--output", type=Path, metavar="OUT.json", help="write the result document here")

    def handle(self, *args: Any, **options: Any) -> None:
        document = _document(options)
        if options["threads"] is not None and not 1 <= options["threads"] <= 1024:
            raise CommandError(f"--threads: must be 1 to 1024, not {options['threads']}", returncode=2)
        if options["output"]:
            check_output(options["output"])
        bar = terminal.ProgressBar(OutputWrapper(options.get("stderr") or sys.stderr))  # self.stderr writes in red
        try:
            result = simulate(
                document,
                jit=get_config().computation.optimization.enable_jit,
                threads=options["threads"] or engine_threads(),
                chunk=get_config().computation.parallel_processing.chunk_size,
                slice_seconds=0.25,
                on_progress=bar.show,
            )
        except (ModelError, ImpossibleObservation) as error:
            bar.clear()
            raise CommandError(f"{options['model']}: {error}", returncode=2) from None
        except KeyboardInterrupt:
            bar.clear()
            raise CommandError("stopped; nothing was written") from None
        bar.end()
        self.stdout.write(terminal.summary(document.to_json(), result))
        if options["output"]:
            write_output(options["output"], json.dumps(result, indent=1) + "\n")
            self.stdout.write(f"Result written to {options['output']}")


def _document(options: dict[str, Any]) -> ModelDocument:
    path: Path = options["model"]
    try:
        if path.exists() and not path.is_file():  # a pipe may never end, or never begin
            raise CommandError(f"{path}: not a regular file", returncode=2)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        return with_run(parse_model(content), **run_choices(options))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", returncode=2) from None
    except ModelError as error:
        raise CommandError(f"{path}: {error}", returncode=2) from None
