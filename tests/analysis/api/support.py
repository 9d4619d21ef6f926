"""Clients of the API, and runs that the engine has computed."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from django.test import Client

from accounts.tokens import AccessToken
from analysis.choices import WorkQueue
from analysis.engine.simulate import simulate
from analysis.engine.spec import ModelDocument, input_hash
from analysis.jobs.warm_up import warm_up
from analysis.services.model_documents import model_document_build
from tests.factories import AnalysisRunFactory

API = "/api/v1"


@cache
def interactive_ready() -> None:
    """Compile what answers questions, as a worker does before its first one."""
    warm_up([WorkQueue.INTERACTIVE])


class Api:
    """A client of the API, signed in as one user."""

    def __init__(self, user) -> None:
        self.user = user
        self.client = Client(raise_request_exception=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str):
        token = {"Authorization": f"Bearer {AccessToken.for_user(self.user)}"} if self.user else {}
        given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(method.upper(), f"{API}{path}", headers=token | names, **given)

    def get(self, path: str, **headers: str):
        return self("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str):
        return self("post", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str):
        return self("patch", path, body, **headers)


@cache
def computed(**choices: Any) -> tuple[ModelDocument, dict[str, Any]]:
    """The published study and its result."""
    document = model_document_build(model="published", iterations=4096, **choices)
    return document, simulate(document, threads=1)


def finished_run(**fields: Any):
    """A run that has computed the published study."""
    document, result = computed()
    return AnalysisRunFactory(
        **{
            "succeeded": True,
            "model_document": document.to_json(),
            "result": result,
            "input_hash": input_hash(document),
            **fields,
        }
    )
