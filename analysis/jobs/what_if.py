"""What-if questions: answered from memory in milliseconds, never stored."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.db import close_old_connections
from rq import get_current_job

from aifutures_site.config import get_config
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.spec import ModelDocument, ModelError, parse_model
from analysis.engine.what_if import what_if
from analysis.models import AnalysisRun
from analysis.services.threads import engine_threads
from analysis.services.what_if import is_obsolete

DOCUMENTS = 32
"""Models that are kept in memory: those that people ask about just now."""


def what_if_answer(run_id: str, request: Mapping[str, Any], user_id: int | None) -> dict[str, Any]:
    """The answer, or what `what_if_ask` turns into an exception: {faults}, {impossible} or {obsolete}."""
    job = get_current_job()
    if job is not None and is_obsolete(connection=job.connection, user_id=user_id, job_id=job.id):
        return {"obsolete": True}
    jit = get_config().computation.optimization.enable_jit
    try:
        return what_if(document_of(run_id), **request, jit=jit, threads=engine_threads())
    except ModelError as error:
        return {"faults": [list(fault) for fault in error.faults]}
    except ImpossibleObservation as error:
        return {"impossible": str(error)}


@lru_cache(DOCUMENTS)
def document_of(run_id: str) -> ModelDocument:
    """A run's model, which never changes."""
    close_old_connections()
    try:
        return parse_model(AnalysisRun.objects.values_list("model_document", flat=True).get(pk=run_id))
    finally:
        close_old_connections()
