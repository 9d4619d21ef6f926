"""`manage.py demo`: the main job once, from an empty folder to a published baseline."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django_rq
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rq import Worker

from accounts.models import User
from accounts.policies import Role
from accounts.services import user_create
from aifutures_site.config import get_config
from aifutures_site.embedded import NoRedis, embedded_redis
from aifutures_site.environment import PROJECT
from aifutures_site.processes import spawn, stop
from analysis import charts
from analysis.choices import WorkQueue
from analysis.models import Scenario, ScenarioCluster
from analysis.selectors import baseline_run

START_SECONDS = 300
"""A slow machine may need minutes to compile the engine, once."""


class Command(BaseCommand):
    """Everything real: the database, the queue, a worker, the engine. What it starts it stops."""

    help = "Run the main job on the embedded default: evidence in, the probabilities of 64 scenarios out."

    def handle(self, *args: Any, **options: Any) -> None:
        service = get_config().service
        if service.database_url or service.redis_url:
            raise CommandError("the demo runs on the embedded default only: unset DATABASE_URL and REDIS_URL")
        folder = settings.DATA_DIR / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        self._step("Database: SQLite, up to date")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("load_evidence", stdout=self.stdout)
        self._step("People who can sign in (new passwords at every demo)")
        for role in Role:
            self.stdout.write(f"  {role.value:<8} {_demo_user(role)}")
        try:
            with embedded_redis(settings.DATA_DIR), self._worker(folder / "worker.log"):
                self._step("Analysis: the published baseline of this installation")
                call_command(
                    "run_analysis",
                    publish=True,
                    note="Computed by the demo.",
                    output=folder / "result.json",
                    stdout=self.stdout,
                )
        except NoRedis as error:
            raise CommandError(str(error)) from None
        picture = folder / "overview.png"
        _draw(folder / "result.json", picture)
        self.stdout.write(f"Picture written to {picture}")
        self._step("Next: `make serve` opens the web UI at http://127.0.0.1:8000/ (sign in as above)")

    def _step(self, text: str) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(f"\n{text}"))

    @contextlib.contextmanager
    def _worker(self, log: Path) -> Iterator[None]:
        """A worker process that is ready, and gone after the block."""
        self._step("Worker: one process, preparing the engine (the first time compiles it, up to a minute)")
        known = _workers()
        with log.open("wb") as output:
            process = spawn(
                [sys.executable, str(PROJECT / "manage.py"), "worker", "--queue", WorkQueue.ANALYSIS.value],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _workers() - known:
                if process.poll() is not None or time.monotonic() > deadline:
                    last = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
                    raise CommandError(f"the worker did not start: {last} (see {log})")
                time.sleep(0.1)
            yield
        finally:
            stop(process, 5)


def _workers() -> set[str]:
    return {worker.name for worker in Worker.all(queue=django_rq.get_queue(WorkQueue.ANALYSIS))}


def _demo_user(role: Role) -> str:
    """Name and new password of the demo's user with this role."""
    name, password = f"demo-{role.value}", secrets.token_urlsafe(12)
    user = User.objects.filter(username=name).first()
    if user is None:
        user_create(username=name, role=role, password=password)
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
    return f"{name}  {password}"


def _draw(result: Path, picture: Path) -> None:
    run = baseline_run()
    if run is None:
        raise CommandError("the baseline was withdrawn while the demo ran")
    charts.overview_write(
        picture,
        run.model_document,
        json.loads(result.read_text()),
        titles=dict(Scenario.objects.values_list("code", "title")),
        colours=dict(ScenarioCluster.objects.values_list("name", "colour")),
        dpi=get_config().output.visualization_dpi,
    )
