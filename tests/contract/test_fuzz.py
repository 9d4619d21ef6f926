"""Requests made from the API's description, well-formed and malformed, answered as it says.

Schemathesis makes them from a fixed seed, so a failure repeats. Well-formed ones name what is there.
"""

from __future__ import annotations

from functools import cache
from unittest import mock

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from accounts.keys import key_create
from accounts.tokens import AccessToken
from aifutures_site.wsgi import application
from analysis.choices import WorkQueue
from analysis.engine.sensitivity.request import parse_request
from analysis.engine.sensitivity.study import sensitivity_study
from analysis.jobs import what_if
from analysis.models import Influence, ScenarioCluster
from tests.analysis.api.support import computed, finished_run
from tests.factories import (
    EvidenceFactory,
    RobustnessReportFactory,
    SensitivityStudyFactory,
    SourceFactory,
    UserFactory,
)

CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 20260301,
        "generation": {"max-examples": 10, "deterministic": True, "no-shrink": True, "database": "none"},
        "phases": {"coverage": {"enabled": False}},  # many times as many requests: worth a run by hand
        "suppress-health-check": ["all"],
        # refused for what no schema says: a cursor, a year, a key used before, both a run and a model
        "checks": {"positive_data_acceptance": {"enabled": False}},
    }
)
schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True), config=CONFIG)
schema.app = application


@cache
def study_result():
    """The document of a study that the engine has done."""
    document = computed()[0]
    request = {"method": "local", "output": "hypothesis:H1", "parameters": ["posterior:H1"]}
    return sensitivity_study(document, parse_request(document, request), threads=1)


@pytest.fixture(params=["admin", "viewer"])
def asker(request, db):
    """Who asks, and what is there that a path can name, by the path's first part."""
    user = UserFactory(role=request.param)
    found = {
        "analysis": finished_run(owner=user, published=True).pk,
        "auth": key_create(user=user, name="notebook")[0].pk,
        "clusters": ScenarioCluster.objects.first().pk,
        "evidence": EvidenceFactory(public_id="H1-900").public_id,
        "hypotheses": "H1",
        "influences": Influence.objects.first().pk,
        "robustness": RobustnessReportFactory(owner=user).pk,
        "scenarios": "ABBABB",
        "sensitivity": SensitivityStudyFactory(owner=user, succeeded=True, result=study_result()).pk,
        "sources": SourceFactory().pk,
    }
    return user, found


@pytest.fixture(scope="module", autouse=True)
def _in_one_process():
    """What-ifs are answered here, where no worker is; nothing closes the connection that the test's rows are in."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    with (
        mock.patch.dict(settings.RQ_QUEUES[WorkQueue.INTERACTIVE], {"ASYNC": False}),
        mock.patch.object(what_if, "close_old_connections"),
    ):
        yield
    for signal in signals:
        signal.connect(close_old_connections)


@schema.parametrize()
def test_answers_as_described(case, asker):
    user, found = asker
    if case.path_parameters and case.meta.generation.mode is GenerationMode.POSITIVE:
        case.path_parameters = dict.fromkeys(case.path_parameters, str(found[case.path.split("/")[3]]))
    with transaction.atomic():
        case.call_and_validate(headers={"Authorization": f"Bearer {AccessToken.for_user(user)}", "Prefer": "wait=0"})
        transaction.set_rollback(True)
