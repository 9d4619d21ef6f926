"""Endpoints that begin runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema

from accounts.api.plain import endpoint
from accounts.api.views import ScopedView
from accounts.limits import Cost
from accounts.policies import Scope
from analysis.api.computations import visible
from analysis.api.documents import AcceptedRunSerializer, ResultSerializer
from analysis.api.parameters import RunInputSerializer
from analysis.api.submission import PARAMETERS, PROBLEMS, WAITS, Wish, submitted
from analysis.engine.spec import ModelDocument, parse_model
from analysis.models import AnalysisRun
from analysis.selectors import run_list
from analysis.services.requests import run_document
from analysis.services.runs import run_create

_ANSWERS: Mapping[Any, Any] = {200: ResultSerializer, 202: AcceptedRunSerializer, **PROBLEMS}


class RunDescription(ScopedView):
    """A new run."""

    scopes = {"post": Scope.CREATE_ANALYSIS}
    costs = {"post": Cost.ANALYSIS_RUNS}

    @extend_schema(
        summary="Run the analysis",
        description=f"{WAITS} `fresh` computes anew in any case.",
        operation_id="analysis_run",
        parameters=PARAMETERS,
        request=RunInputSerializer,
        responses=_ANSWERS,
        examples=[
            OpenApiExample(
                "What if safety comes early?",
                {
                    "iterations": 1_000_000,
                    "interventions": [{"hypothesis": "H4", "outcome": "A", "from_year": 2030}],
                    "name": "Early safety",
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask for a run."""
        raise NotImplementedError


class RerunDescription(ScopedView):
    """A run once more."""

    path_words = {"id": "Id of the run."}
    scopes = {"post": Scope.CREATE_ANALYSIS}
    costs = {"post": Cost.ANALYSIS_RUNS}

    @extend_schema(
        summary="Repeat a run",
        description="A new run of your own from the run's model document, computed anew. Waits as POST /analysis/run.",
        operation_id="analysis_rerun",
        parameters=PARAMETERS,
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The same once more."""
        raise NotImplementedError


@endpoint(scope=Scope.CREATE_ANALYSIS, methods=("POST",), described_by=RunDescription)
async def run(request: HttpRequest) -> HttpResponse:
    """A new run, and its result if that comes soon."""
    return await submitted(request, AnalysisRun, run_new)


@endpoint(scope=Scope.CREATE_ANALYSIS, methods=("POST",), described_by=RerunDescription)
async def rerun(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A run once more."""
    return await submitted(request, AnalysisRun, lambda wish: run_again(wish, pk))


class Wished(NamedTuple):
    """What a body of POST /analysis/run asks for."""

    document: ModelDocument
    name: str
    fresh: bool


def run_wished(body: Any) -> Wished:
    """The run that a body asks for, which need not begin. Raises ValidationError, ModelError."""
    serializer = RunInputSerializer(data=body)
    serializer.is_valid(raise_exception=True)
    given = serializer.validated_data
    name, fresh = given.pop("name"), given.pop("fresh")
    return Wished(run_document(name=name, **given), name, fresh)


def run_new(wish: Wish) -> AnalysisRun:
    """The run that is wished for, over HTTP, a socket or a page. Raises ValidationError, ModelError."""
    document, name, fresh = run_wished(wish.body)
    return run_create(document=document, owner=wish.user, name=name, fresh=fresh, run_id=wish.pk, admit=wish.admit)


def run_again(wish: Wish, pk: UUID) -> AnalysisRun:
    """A run that the user sees, once more and anew. Raises Http404, ModelError."""
    old = visible(run_list(user=wish.user), pk)
    return run_create(
        document=parse_model(old.model_document),
        owner=wish.user,
        name=old.name,
        fresh=True,
        run_id=wish.pk,
        admit=wish.admit,
    )
