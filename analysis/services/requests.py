"""From a wish to a run: its document, the stored answer where there is one already, a place in the queue else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Unpack
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from aifutures_site.config import get_config
from analysis.choices import RunStatus
from analysis.engine import ENGINE_VERSION
from analysis.engine.overrides import with_overrides
from analysis.engine.spec import ModelDocument, input_hash
from analysis.models import AnalysisRun, RunTransition
from analysis.services.model_documents import NamedModel, RunChoices, model_document_build
from analysis.services.runs import run_create


def run_document(
    *,
    study: NamedModel | str = NamedModel.BASELINE,
    model: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    name: str = "",
    **choices: Unpack[RunChoices],
) -> ModelDocument:
    """The document of a run as it is asked for (INTERFACES.md, POST /analysis/run); `model` is the causal model's name.

    Raises ModelError, naming the path.
    """
    document = model_document_build(model=study, name=name, causal_model=model, **choices)
    return with_overrides(document, overrides) if overrides else document


@transaction.atomic
def run_request(
    *,
    document: ModelDocument,
    owner: User,
    name: str = "",
    fresh: bool = False,
    run_id: UUID | None = None,
    admit: Callable[[], None] = lambda: None,
) -> AnalysisRun:
    """A new run of the owner: answered at once by a stored result of the same inputs, queued where there is none.

    `fresh` asks for a computation in any case. `admit` is called before something is computed, and raises where it may
    not be: then there is no run. `run_id`, where given, is the new run's. Raises IntegrityError if it is taken.
    """
    stored = None if fresh else _stored(document)
    if stored is not None:
        return _answered(document, stored, owner, name, run_id)
    run = run_create(document=document, owner=owner, name=name, run_id=run_id)
    admit()
    return run


def _stored(document: ModelDocument) -> AnalysisRun | None:
    """The newest run that computed the same inputs with this engine, not longer ago than results are kept for."""
    service = get_config().service
    if not service.enable_result_cache:
        return None
    return (
        AnalysisRun.objects.filter(
            status=RunStatus.SUCCEEDED,
            input_hash=input_hash(document),
            engine_version=ENGINE_VERSION,
            finished_at__gt=timezone.now() - timedelta(seconds=service.cache_ttl),
            cached_from__isnull=True,
        )
        .order_by("-finished_at")
        .first()
    )


def _answered(
    document: ModelDocument, stored: AnalysisRun, owner: User, name: str, run_id: UUID | None
) -> AnalysisRun:
    now = timezone.now()
    run = AnalysisRun(
        id=run_id or uuid4(),
        name=name,
        owner=owner,
        model_document=document.to_json(),
        input_hash=stored.input_hash,
        engine_version=stored.engine_version,
        cached_from=stored,
        status=RunStatus.SUCCEEDED,
        queued_at=now,
        finished_at=now,
        iterations_total=stored.iterations_total,
        iterations_completed=stored.iterations_completed,
        max_half_width=stored.max_half_width,
    )
    run.full_clean(validate_unique=False)
    run.save(force_insert=True)
    RunTransition.objects.create(
        run=run, status=RunStatus.SUCCEEDED, at=now, attempt=0, reason="answered by a stored result"
    )
    return run
