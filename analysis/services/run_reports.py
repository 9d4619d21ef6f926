"""The PDF report of a run: made by a worker when somebody first asks, then kept as other answers are.

What a reader sees depends on their rights and on the studies that they may see, so that each has an own report.
"""

from __future__ import annotations

import base64
import hashlib
import json

from accounts.models import User
from accounts.policies import Scope, may
from analysis.choices import RunStatus
from analysis.engine.sensitivity.outputs import parse_output
from analysis.engine.spec import parse_model
from analysis.models import AnalysisRun, RobustnessReport, Scenario, SensitivityStudy
from analysis.querysets import ComputationQuerySet
from analysis.selectors import report_list, study_list
from analysis.services.derived import INFLUENCE, Answer, Question, told_by

REPORT = "analysis.jobs.reports.report_answer"
VERSION = 2
"""Of what a report looks like: what was kept of another one is not given out."""


def report_question(*, run: AnalysisRun, user: User) -> Question:
    """What a worker is asked; another question as soon as the report would be another one."""
    readable = may(user, Scope.READ_EVIDENCE)
    parts = [
        VERSION,
        str(run),
        str(run.published_at),
        readable,
        [str(pk) for pk in studies_told(run=run, user=user).values_list("pk", flat=True)],
        [str(pk) for pk in reports_told(run=run, user=user).values_list("pk", flat=True)],
        list(Scenario.objects.order_by("code").values_list("title", flat=True)),
    ]
    state = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return Question(REPORT, (str(run.pk), str(user.pk), state))


def report_bytes(answer: Answer) -> bytes | None:
    """The file, once there is one."""
    return base64.b64decode(answer.document) if answer.document else None


def studies_told(*, run: AnalysisRun, user: User) -> ComputationQuerySet[SensitivityStudy]:
    """The finished sensitivity studies of the run's model that the user may see, newest first."""
    return study_list(user=user).filter(model_hash=run.input_hash, status=RunStatus.SUCCEEDED)


def reports_told(*, run: AnalysisRun, user: User) -> ComputationQuerySet[RobustnessReport]:
    """The finished robustness reports of the run's model that the user may see, newest first."""
    return report_list(user=user).filter(model_hash=run.input_hash, status=RunStatus.SUCCEEDED)


def influence_question(*, run: AnalysisRun) -> Question:
    """What the API and the run's page ask about its evidence."""
    output = parse_output(parse_model(run.model_document), None).name
    return Question(INFLUENCE, (str(told_by(run).pk), output))
