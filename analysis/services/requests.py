"""From a wish for a run to the document that is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from analysis.engine.overrides import with_overrides
from analysis.engine.spec import ModelDocument
from analysis.services.model_documents import NamedModel, RunChoices, model_document_build


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
