"""Scenarios, the network, runs, studies, and what follows from them."""

import threading
import time
from contextlib import ExitStack
from functools import partial
from unittest import mock

import django_rq
from django.db import connections
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from accounts.policies import Role
from analysis.api import what_if as api_what_if
from analysis.choices import WorkQueue
from analysis.jobs import what_if
from analysis.models import Influence, ScenarioCluster
from analysis.services.what_if import what_if_begin
from tests.analysis.api.support import finished_run, interactive_ready
from tests.contract.rows import Call, least, owned, row, signed_in
from tests.factories import AnalysisRunFactory, EvidenceFactory, RobustnessReportFactory, SensitivityStudyFactory

ANY = {"If-Match": "*"}
SMALL = {"iterations": 4096}
LOCAL = {"method": "local", "parameters": ["posterior:H1"]}
FACTORIES = {
    "analysis": AnalysisRunFactory,
    "sensitivity": SensitivityStudyFactory,
    "robustness": RobustnessReportFactory,
}
answering = ExitStack()
"""What a question has begun; it is to be closed with its test."""


def baseline(**call):
    def make(owner):
        finished_run(published=True)
        return Call(**call)

    return make


def private(factory, **fields):
    """A computation of the owner's that nobody else may know of."""
    return lambda owner: Call(path={"pk": factory(owner=owner, **fields).pk})


def file(owner):
    return Call(path={"pk": finished_run(owner=owner).pk}, query={"format": "csv"})


def two_runs(owner):
    runs = [finished_run(owner=owner) for _ in range(2)]
    return Call(query={"runs": ",".join(str(run.pk) for run in runs)})


def rows_of(kind):
    """Ten to list."""

    def make(owner):
        FACTORIES[kind].create_batch(10, owner=owner, is_shared=True)
        return Call()

    return make


def part_of_model(model, **call):
    return lambda owner: Call(path={"pk": model.objects.first().pk}, **call)


def item(owner):
    finished_run(published=True)
    EvidenceFactory(public_id="T-1")
    return Call(path={"public_id": "T-1"})


class _Worker(SimpleWorker):
    """Works in a thread of the test's process."""

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self):
        pass


def question(owner):
    """A patient question, and a worker that will answer it: the model is in its memory already."""
    interactive_ready()
    run = finished_run(published=True)
    with mock.patch.object(what_if, "close_old_connections"):
        what_if.document_of(str(run.pk))
    done = threading.Event()
    worker = threading.Thread(target=_answer, args=(done,), daemon=True)
    worker.start()
    answering.callback(worker.join)
    answering.callback(done.set)
    answering.enter_context(mock.patch.object(api_what_if, "what_if_begin", partial(what_if_begin, seconds=60)))
    return Call(body={"overrides": {"posteriors": {"H1": 0.9}}})


def _answer(done):
    queue = django_rq.get_queue(WorkQueue.INTERACTIVE)
    try:
        while not (queue.count or done.is_set()):
            time.sleep(0.01)
        _Worker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True, logging_level=None)
    finally:
        connections.close_all()


def computations(kind):
    """What can be read of each kind of computation, and done with it."""
    factory, one = FACTORIES[kind], f"{kind}/<uuid:pk>"
    finished = {"succeeded": True, "result": {"schema": "x"}}
    readable, changeable = owned(200, by_admin=200), owned(200, by_admin=200, below=403)
    return [
        row("GET", kind, signed_in(200), make=rows_of(kind), queries=4),
        row("GET", one, readable, make=private(factory), queries=3),
        row("GET", f"{one}/result", readable, make=private(factory, **finished), queries=3),
        row("POST", f"{one}/cancel", changeable, make=private(factory), queries=9),
        row("POST", f"{one}/share", changeable, make=private(factory), queries=7),
        row("POST", f"{one}/unshare", changeable, make=private(factory), queries=5),
    ]


ROWS = [
    row("GET", "scenarios", signed_in(200), make=baseline(), queries=4),
    row("GET", "scenarios/<str:code>", signed_in(200), make=baseline(path={"code": "ABBABB"}), queries=4),
    row("GET", "influences", signed_in(200), queries=2),
    row("GET", "influences/<int:pk>", signed_in(200), make=part_of_model(Influence), queries=2),
    row(
        "PATCH",
        "influences/<int:pk>",
        least(Role.ADMIN, 200),
        make=part_of_model(Influence, body={"strength": 0.5, "reason": "New data."}, headers=ANY),
        queries=18,
    ),
    row(
        "POST",
        "influences",
        least(Role.ADMIN, 201),
        make=lambda owner: Call(
            body={
                **{"source": "H3", "source_outcome": "A", "target": "H6", "target_outcome": "B"},
                **{"strength": 0.2, "reason": "New data."},
            }
        ),
        queries=17,
    ),
    row(
        "DELETE",
        "influences/<int:pk>",
        least(Role.ADMIN, 204),
        make=part_of_model(Influence, query={"reason": "Doubled."}, headers=ANY),
        queries=12,
    ),
    row("GET", "clusters", signed_in(200), queries=2),
    row("GET", "clusters/<int:pk>", signed_in(200), make=part_of_model(ScenarioCluster), queries=2),
    row(
        "PATCH",
        "clusters/<int:pk>",
        least(Role.ADMIN, 200),
        make=part_of_model(ScenarioCluster, body={"colour": "#123456", "reason": "Contrast."}, headers=ANY),
        queries=13,
    ),
    row(
        "POST",
        "clusters",
        least(Role.ADMIN, 201),
        make=lambda owner: Call(
            body={"name": "Late", "pattern": "B*****", "colour": "#123456", "reason": "Asked for."}
        ),
        queries=14,
    ),
    row(
        "DELETE",
        "clusters/<int:pk>",
        least(Role.ADMIN, 204),
        make=part_of_model(ScenarioCluster, query={"reason": "Merged."}, headers=ANY),
        queries=10,
    ),
    *computations("analysis"),
    row("POST", "analysis/run", least(Role.ANALYST, 202), make=lambda owner: Call(body=SMALL), queries=11),
    row("GET", "analysis/compare", owned(202, by_admin=202), make=two_runs, queries=3),
    row(
        "GET",
        "analysis/<uuid:pk>/model",
        owned(200, by_admin=200, below=403),
        make=private(AnalysisRunFactory),
        queries=3,
    ),
    row("GET", "analysis/<uuid:pk>/export", owned(200, by_admin=200), make=file, queries=5),
    row(
        "POST",
        "analysis/<uuid:pk>/rerun",
        owned(202, by_admin=202, below=403),
        make=private(finished_run),
        queries=7,
    ),
    row("POST", "what-if", least(Role.ANALYST, 200), make=question, queries=2),
    *computations("sensitivity"),
    row("POST", "sensitivity", least(Role.ANALYST, 202), make=baseline(body=LOCAL), queries=9),
    *computations("robustness"),
    row("POST", "robustness", least(Role.ANALYST, 202), make=baseline(body={}), queries=9),
    row("GET", "evidence/<str:public_id>/influence", least(Role.ANALYST, 202), make=item, queries=4),
    row(
        "GET",
        "hypotheses/<str:code>/influence",
        least(Role.ANALYST, 202),
        make=baseline(path={"code": "H1"}),
        queries=4,
    ),
]
