"""Stored studies of a model: sensitivity and robustness (see `lifecycle` for how they are computed)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

from accounts.models import User
from analysis.engine import ENGINE_VERSION
from analysis.engine.robustness import default_iterations, report_hash
from analysis.engine.sensitivity.request import design_of, parse_request, study_hash
from analysis.engine.spec import ModelDocument, input_hash
from analysis.models import RobustnessReport, SensitivityStudy, Study
from analysis.services.lifecycle import computation_create, computation_progress
from analysis.services.model_documents import published_study


def study_create(
    *,
    document: ModelDocument,
    request: Mapping[str, Any],
    owner: User | None,
    name: str = "",
    is_shared: bool = False,
    fresh: bool = False,
    study_id: UUID | None = None,
    admit: Callable[[], None] = lambda: None,
) -> SensitivityStudy:
    """A new sensitivity study, answered from an equal one or queued after the commit; `study_id` may be its id.

    `fresh` and `admit` as in `computation_create`. Raises ModelError naming the path of what is wrong with the request:
    an unknown parameter or output, a bad size.
    """
    parsed = parse_request(document, request)
    study = SensitivityStudy(
        id=study_id or uuid4(),
        name=name,
        owner=owner,
        is_shared=is_shared,
        model_document=document.to_json(),
        request=parsed.model_dump(mode="json"),
        method=parsed.method,
        output=design_of(document, parsed).output.name,
        input_hash=study_hash(document, parsed),
        model_hash=input_hash(document),
        engine_version=ENGINE_VERSION,
    )
    return computation_create(computation=study, fresh=fresh, admit=admit)


def report_create(
    *,
    document: ModelDocument,
    owner: User | None,
    iterations: int | None = None,
    name: str = "",
    is_shared: bool = False,
    fresh: bool = False,
    report_id: UUID | None = None,
    admit: Callable[[], None] = lambda: None,
) -> RobustnessReport:
    """A new robustness report, answered from an equal one or queued after the commit; `report_id` may be its id.

    `iterations` are those of each of its runs, by default `default_iterations`. The published study's priors are one
    of the variants. `fresh` and `admit` as in `computation_create`. Raises ModelError for a number of iterations that
    the model does not allow.
    """
    iterations = default_iterations(document) if iterations is None else iterations
    request: dict[str, Any] = {"iterations": iterations, "published_priors": _published_priors()}
    report = RobustnessReport(
        id=report_id or uuid4(),
        name=name,
        owner=owner,
        is_shared=is_shared,
        model_document=document.to_json(),
        request=request,
        input_hash=report_hash(document, request),
        model_hash=input_hash(document),
        engine_version=ENGINE_VERSION,
    )
    return computation_create(computation=report, fresh=fresh, admit=admit)


def study_progress(*, study: Study, completed: int, total: int) -> bool:
    """Record how far a study or report is; True if somebody asked to cancel it. Raises Superseded."""
    return computation_progress(computation=study, steps_completed=completed, steps_total=total)


def _published_priors() -> dict[str, float]:
    """P(A) by hypothesis code."""
    return {hypothesis.code: hypothesis.prior_probability for hypothesis in published_study().hypotheses}
