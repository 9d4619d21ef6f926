"""`run_analysis`: the database's model, through the queue and a worker, with live progress."""

from __future__ import annotations

import time
import unicodedata
from argparse import ArgumentParser, BooleanOptionalAction
from pathlib import Path
from typing import Any

import django_rq
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, close_old_connections
from redis import RedisError
from rq import Worker

from aifutures_site.embedded import NoRedis, require_redis
from analysis import terminal
from analysis.choices import RunStatus, WorkQueue
from analysis.engine.simulate import Progress
from analysis.engine.spec import ModelDocument, ModelError
from analysis.management.options import add_run_options, run_choices
from analysis.management.output import check_output, write_result
from analysis.models import AnalysisRun, Scenario
from analysis.services.model_documents import NamedModel, model_document_build
from analysis.services.publication import run_publish
from analysis.services.runs import run_create

POLL_SECONDS = 0.25


class Command(BaseCommand):
    help = "Build the model from the database, have a worker compute it, show progress and the result."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default="", help="what to call the run")
        parser.add_argument("--model", choices=NamedModel.values, default=NamedModel.BASELINE, help="(%(default)s)")
        add_run_options(parser)
        parser.add_argument("--fresh", action="store_true", help="compute anew what has been computed lately")
        parser.add_argument("--stop-when-converged", action="store_true", help="end early once precise enough")
        parser.add_argument("--wait", action=BooleanOptionalAction, default=True, help="follow the run to its end")
        parser.add_argument("--publish", action="store_true", help="make the finished run the baseline")
        parser.add_argument("--note", default="", help="with --publish: what changed, and why")
        parser.add_argument(
            "--output", type=Path, metavar="OUT.json", help="write the result with its model document here"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["wait"] and (options["publish"] or options["output"]):
            raise CommandError("--publish and --output need --wait: they take the finished run", returncode=2)
        _check_name(options["name"])
        if options["output"]:
            check_output(options["output"])
        document = _document(options)
        try:
            require_redis(settings.REDIS_URL)
        except NoRedis as error:
            raise CommandError(str(error)) from None
        run = run_create(document=document, owner=None, name=options["name"] or document.name, fresh=options["fresh"])
        self.stdout.write(f"Run {run.pk}: {len(document.evidence)} evidence items, {run.iterations_total:,} iterations")
        if run.cached_from_id:
            self.stdout.write("The same inputs were computed lately: this is that result; --fresh computes anew")
        if options["wait"]:
            self._finish(_followed(run, terminal.ProgressBar(self.stdout)), options)

    def _finish(self, run: AnalysisRun, options: dict[str, Any]) -> None:
        if run.status != RunStatus.SUCCEEDED or run.result_document is None:
            raise CommandError(f"the run {run.get_status_display().lower()}: {run.error or 'on request'}")
        titles = dict(Scenario.objects.values_list("code", "title"))
        self.stdout.write("\n" + terminal.summary(run.model_document, run.result_document, titles))
        if options["publish"]:
            try:
                run_publish(run=run, actor=None, note=options["note"])
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from None
            self.stdout.write(f"Published run {run.short_id} as the baseline.")
        if options["output"]:
            write_result(options["output"], run.model_document, run.result_document)
            self.stdout.write(f"Result written to {options['output']}")


def _check_name(name: str) -> None:
    longest = AnalysisRun._meta.get_field("name").max_length or 0
    if len(name) > longest or any(unicodedata.category(each) in {"Cc", "Cs"} for each in name):
        raise CommandError(f"--name: must be at most {longest} characters, none of them a control", returncode=2)


def _document(options: dict[str, Any]) -> ModelDocument:
    try:
        return model_document_build(
            model=options["model"],
            name=options["name"],
            stop_when_converged=options["stop_when_converged"],
            **run_choices(options),
        )
    except ModelError as error:
        raise CommandError(str(error), returncode=2) from None


def _followed(run: AnalysisRun, bar: terminal.ProgressBar) -> AnalysisRun:
    """Show the run's row until it has ended. Ctrl-C stops following, not the run."""
    shown: int | str | None = None
    try:
        while not run.is_final:
            time.sleep(POLL_SECONDS)
            run, text = _look_at(run)
            if text:
                if text != shown:
                    bar.say(text)
                shown = text
            elif run.rate and not run.is_final and run.progress_seq != shown:
                bar.show(_progress(run))
                shown = run.progress_seq
    except KeyboardInterrupt:
        bar.clear()
        raise CommandError(f"no longer following; run {run.pk} goes on") from None
    if run.status == RunStatus.SUCCEEDED and run.rate:
        bar.show(_progress(run))
    else:
        bar.clear()
    return run


def _look_at(run: AnalysisRun) -> tuple[AnalysisRun, str]:
    """The run as it is now, and what it waits for, if it does."""
    try:
        now = AnalysisRun.objects.get(pk=run.pk)
    except OperationalError:
        close_old_connections()
        return run, "Waiting for the database, which cannot be reached now"
    return now, _waiting_for() if now.status == RunStatus.QUEUED else ""


def _waiting_for() -> str:
    try:
        return _who_is_there()
    except RedisError:
        return "Waiting for the queue, which cannot be reached now"


def _who_is_there() -> str:
    if Worker.count(queue=django_rq.get_queue(WorkQueue.ANALYSIS)):
        return "Waiting for a worker that is free"
    return "Waiting for a worker: none is running yet (`manage.py worker` starts one)"


def _progress(run: AnalysisRun) -> Progress:
    rate = run.rate or 0.0
    left = (run.iterations_total - run.iterations_completed) / rate if rate else 0.0
    return Progress(run.iterations_completed, run.iterations_total, rate, left, run.max_half_width or 0.0)
