"""Sensitivity studies and robustness reports: seconds each, from the beginning at every attempt."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from aifutures_site.config import get_config
from analysis.engine.robustness import robustness_report
from analysis.engine.sensitivity.request import parse_request
from analysis.engine.sensitivity.study import sensitivity_study
from analysis.engine.spec import parse_model
from analysis.jobs.execution import Watch, execute, insist
from analysis.models import RobustnessReport, SensitivityStudy, Study
from analysis.services.lifecycle import computation_succeed
from analysis.services.studies import study_progress
from analysis.services.threads import engine_threads

PROGRESS_SECONDS = 0.25
"""Between two writes of how far a study is, and two looks at whether it is to be cancelled."""


def study_execute() -> None:
    """Compute the sensitivity study whose turn it is."""
    execute(SensitivityStudy, sensitivity_compute, store)


def report_execute() -> None:
    """Compute the robustness report whose turn it is."""
    execute(RobustnessReport, robustness_compute, store)


def sensitivity_compute(study: SensitivityStudy, watch: Watch) -> Mapping[str, Any]:
    """The study's document, `aifutures.sensitivity/1`. Raises Stopped."""
    document = parse_model(study.model_document)
    return sensitivity_study(
        document,
        parse_request(document, study.request),
        threads=engine_threads(),
        on_progress=_reporter(study, watch),
        should_stop=watch.should_stop,
    )


def robustness_compute(report: RobustnessReport, watch: Watch) -> Mapping[str, Any]:
    """The report's document, `aifutures.robustness/1`. Raises Stopped."""
    return robustness_report(
        parse_model(report.model_document),
        **report.request,
        jit=get_config().computation.optimization.enable_jit,
        threads=engine_threads(),
        on_progress=_reporter(report, watch),
        should_stop=watch.should_stop,
    )


def _reporter(study: Study, watch: Watch) -> Callable[[int, int], None]:
    """What the engine tells its steps: written to the study's row, often enough and not more often."""
    next_at = 0.0

    def report(completed: int, total: int) -> None:
        nonlocal next_at
        if completed < total and time.monotonic() < next_at:
            return
        watch.cancelled = insist(lambda: study_progress(study=study, completed=completed, total=total))
        next_at = time.monotonic() + PROGRESS_SECONDS

    return report


def store(study: Study, result: Mapping[str, Any]) -> None:
    """End a study or report well. Raises Superseded."""
    computation_succeed(computation=study, result=result)
