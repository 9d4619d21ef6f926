"""From a wish to a run: its document, the stored answer where there is one already, a place in the queue else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Unpack
from uuid import UUID

from accounts.models import User
from analysis.engine.overrides import with_overrides
from analysis.engine.spec import ModelDocument
from analysis.models import AnalysisRun
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
    return run_create(document=document, owner=owner, name=name, fresh=fresh, run_id=run_id, admit=admit)
