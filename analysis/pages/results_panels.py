"""A study of a run's model in the shape of the page that shows it: what it asks, how far it is, what it found.

A study is found by the model that it is about, so that one which was asked over the API, or for an equal run, shows
here, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.exceptions import RedisError

from accounts.policies import Asker, Scope, may
from analysis.api.documents import readable_result
from analysis.choices import ACTIVE_STATUSES, RunStatus, StudyMethod
from analysis.models import AnalysisRun, RobustnessReport, Scenario, SensitivityStudy, Study
from analysis.pages.words import Words
from analysis.plots import Plot, cluster_colour
from analysis.plots.robustness import ranges
from analysis.plots.sensitivity import plane, tornado
from analysis.plots.source import study_source
from analysis.plots.subjects import Output, Subjects
from analysis.plots.variance import interactions, shares, worth
from analysis.querysets import ComputationQuerySet
from analysis.reports import Report
from analysis.selectors import report_list, study_list
from analysis.services.lifecycle import KINDS
from analysis.services.sharing import is_owner
from analysis.services.workers import queue_hint

StudyT = TypeVar("StudyT", bound=Study)

ROBUSTNESS = "robustness"
METHODS: Mapping[str, Words] = {
    StudyMethod.LOCAL: Words(
        "One number at a time", "How far the answer swings as each uncertain number goes through its range alone."
    ),
    StudyMethod.SOBOL: Words(
        "All numbers together", "Which of them the spread comes from, alone and with others (Sobol' indices)."
    ),
    StudyMethod.MORRIS: Words(
        "Large and tangled effects", "What each does over its range, and how far that depends on the others (Morris)."
    ),
    StudyMethod.VALUE_OF_INFORMATION: Words(
        "What is worth finding out", "How much of the spread would go if all about a question were known."
    ),
}
"""The methods of sensitivity studies, in the order of the page."""

Draw = Callable[[Mapping[str, Any], Subjects, str], list[Plot | None]]
_DRAWINGS: Mapping[str, Draw] = {
    StudyMethod.LOCAL: lambda study, words, source: [tornado(study, words, source=source)],
    StudyMethod.SOBOL: lambda study, words, source: [
        shares(study, words, source=source),
        interactions(study, words, source=source),
    ],
    StudyMethod.MORRIS: lambda study, words, source: [plane(study, words, source=source)],
    StudyMethod.VALUE_OF_INFORMATION: lambda study, words, source: [worth(study, words, source=source)],
}


@dataclass(frozen=True)
class Panel:
    """The study that answers a question about a run, in whatever state that is; or none yet."""

    method: str
    words: Words
    study: Study | None
    output: Output | None = None
    """What a sensitivity study explains."""
    plots: Sequence[Plot] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    """The document, as far as the reader may see it."""
    can_cancel: bool = False
    hint: str = ""
    """What it waits for, where that needs somebody."""

    @property
    def is_active(self) -> bool:
        """Whether it waits or is being worked on."""
        return self.study is not None and self.study.status in ACTIVE_STATUSES

    @property
    def is_done(self) -> bool:
        """Whether there is a result."""
        return self.study is not None and self.study.status == RunStatus.SUCCEEDED

    @property
    def percent(self) -> int | None:
        """How much of it is done; None while nobody knows."""
        completed, total = self.study.progress if self.study else (0, 0)
        return int(100 * completed / total) if total else None


def studies_of(user: Asker, run: AnalysisRun) -> ComputationQuerySet[SensitivityStudy]:
    """The sensitivity studies of the run's model that the user may see, newest first."""
    return study_list(user=user).filter(model_hash=run.input_hash)


def reports_of(user: Asker, run: AnalysisRun) -> ComputationQuerySet[RobustnessReport]:
    """The robustness reports of the run's model that the user may see, newest first."""
    return report_list(user=user).filter(model_hash=run.input_hash)


def subjects_of(run: AnalysisRun) -> Subjects:
    """The words of the run's model, and the scenarios' titles."""
    return Subjects(run.model_document, dict(Scenario.objects.values_list("code", "title")))


def study_panel(
    user: Asker, run: AnalysisRun, *, words: Subjects, output: Output, method: str, rows: Sequence[SensitivityStudy]
) -> Panel:
    """The panel of a method, from the newest studies of the run about the output."""
    study = _telling([row for row in rows if (row.method, row.output) == (method, output.name)])
    result = _result(user, study)
    drawn = _DRAWINGS[method](result, words, study_source(study, run)) if study and result else []
    return Panel(
        method,
        METHODS[method],
        study,
        output=output,
        plots=[plot for plot in drawn if plot],
        result=result,
        **_state(user, study),
    )


def report_panel(user: Asker, run: AnalysisRun, *, words: Subjects, report: Report) -> Panel:
    """The panel of the run's robustness report."""
    study = _telling(list(reports_of(user, run)))
    result = _result(user, study)
    colours = {row.name: cluster_colour(row.colour) for row in report.clusters}
    return Panel(
        ROBUSTNESS,
        Words(
            "Which conclusions hold",
            "The model is run again with other evidence, other numbers and another structure; its headlines are "
            "compared with those of this run.",
        ),
        study,
        plots=[ranges(result, words, colours, source=study_source(study, run))] if study and result else [],
        result=result,
        **_state(user, study),
    )


def _telling(rows: Sequence[StudyT]) -> StudyT | None:
    """What goes on, else the newest that has a result, else the newest, which tells why it has none."""
    for statuses in (ACTIVE_STATUSES, (RunStatus.SUCCEEDED,)):
        if found := next((row for row in rows if row.status in statuses), None):
            return found
    return rows[0] if rows else None


def _result(user: Asker, study: Study | None) -> dict[str, Any]:
    if study is None or study.status != RunStatus.SUCCEEDED:
        return {}
    return readable_result(study.result_document or {}, user)


def _state(user: Asker, study: Study | None) -> dict[str, Any]:
    if study is None or study.is_final:
        return {}
    own = is_owner(study, user) and may(user, Scope.CANCEL_ANALYSIS)
    return {
        "can_cancel": own and not study.cancel_requested_at,
        "hint": _hint(study) if study.status == RunStatus.QUEUED else "",
    }


def _hint(study: Study) -> str:
    try:
        return queue_hint(KINDS[type(study)].queue)
    except RedisError:
        return "The queue cannot be reached now; the work waits for it in the database."
