"""`simulate MODEL.json`: run a model document here and now, without database or queue; or repeat a result."""

from __future__ import annotations

import contextlib
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, TypedDict

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from aifutures_site.config import get_config
from analysis import terminal
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.simulate import Cluster, ClusterLost, simulate
from analysis.engine.spec import ModelDocument, ModelError, with_run
from analysis.engine.verification import Verification, verify
from analysis.management.input import read_result
from analysis.management.options import add_run_options, add_threads, chosen_threads, read_model, run_choices
from analysis.management.output import check_output, write_result
from analysis.services.cluster import cluster_at

SHOWN = 5
"""Differences that are listed."""


class _Means(TypedDict):
    """What a run is computed with, besides its model: nothing that bears on its numbers."""

    threads: int
    chunk: int


class Command(BaseCommand):
    help = "Simulate a model document (aifutures.model/1) in this process and print or store the result."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", type=Path, nargs="?", help="a model document, e.g. from export_model")
        add_run_options(parser)
        add_threads(parser)
        parser.add_argument(
            "--backend",
            choices=["local", "dask"],
            default="local",
            help="threads of this process, or the configured Dask cluster: without one, N processes of this machine",
        )
        parser.add_argument("--output", type=Path, metavar="OUT.json", help="write the result with its model here")
        parser.add_argument(
            "--verify",
            type=Path,
            metavar="RESULT.json",
            help="compute such a file anew from its own model: identical, or different and where",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        means = _Means(threads=chosen_threads(options), chunk=get_config().computation.parallel_processing.chunk_size)
        bar = terminal.ProgressBar(OutputWrapper(options.get("stderr") or sys.stderr))  # self.stderr writes in red
        verified: Path | None = options["verify"]
        try:
            self._simulate(options, means, bar) if verified is None else self._verify(verified, options, means, bar)
        except (ModelError, ImpossibleObservation) as error:
            bar.clear()
            raise CommandError(f"{verified or options['model']}: {error}", returncode=2) from None
        except ClusterLost as error:
            bar.clear()
            raise CommandError(f"--backend dask: {error}") from None
        except KeyboardInterrupt:
            bar.clear()
            raise CommandError("stopped; nothing was written") from None

    def _simulate(self, options: dict[str, Any], means: _Means, bar: terminal.ProgressBar) -> None:
        document = _document(options)
        if options["output"]:
            check_output(options["output"])
        with _cluster(options["backend"], means["threads"]) as cluster:
            result = simulate(
                document,
                jit=get_config().computation.optimization.enable_jit,
                cluster=cluster,
                slice_seconds=0.25,
                on_progress=bar.show,
                **means,
            )
        bar.end()
        self.stdout.write(terminal.summary(document.to_json(), result))
        if options["output"]:
            write_result(options["output"], document.to_json(), result)
            self.stdout.write(f"Result written to {options['output']}")

    def _verify(self, path: Path, options: dict[str, Any], means: _Means, bar: terminal.ProgressBar) -> None:
        if options["model"] or options["output"] or options["backend"] != "local" or run_choices(options):
            raise CommandError("--verify takes the model from the result: give neither one nor options", returncode=2)
        found = verify(read_result(path), on_progress=bar.show, **means)
        bar.end()
        if not found.identical:
            self.stdout.write(_differences(found))
            raise CommandError(f"{path}: different")
        self.stdout.write("\n".join([f"{path}: identical", *(f"  Note: {note}." for note in found.notes)]))


def _document(options: dict[str, Any]) -> ModelDocument:
    path: Path | None = options["model"]
    if path is None:
        raise CommandError("give a model document, or a result with --verify", returncode=2)
    return with_run(read_model(path), **run_choices(options))


def _cluster(backend: str, processes: int) -> contextlib.AbstractContextManager[Cluster | None]:
    """What `--backend` names; None is this process."""
    if backend == "local":
        return contextlib.nullcontext()
    config = get_config()
    if not config.computation.optimization.enable_jit:
        raise CommandError("--backend dask: only for compiled code, not with enable_jit: false", returncode=2)
    if config.service.enable_distributed:
        return cluster_at(config.service.dask_scheduler_address)
    from analysis.engine.distributed import local_processes  # noqa: PLC0415 - takes half a second, which few runs need

    return local_processes(processes)


def _differences(found: Verification) -> str:
    """The first differences, how large they are, and what may explain them."""
    number = len(found.differences)
    return "\n".join(
        [
            f"{number:,} value{'s' if number > 1 else ''} differ{'' if number > 1 else 's'} "
            f"(numbers by at most {found.largest:.3g}):",
            *(f"  {each.path}: stored {each.stored}, now {each.computed}" for each in found.differences[:SHOWN]),
            *([f"  ... and {number - SHOWN:,} more"] if number > SHOWN else []),
            *(f"Likely cause: {note}." for note in found.notes),
        ]
    )
