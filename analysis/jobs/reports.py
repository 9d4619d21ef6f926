"""PDF reports of runs, made once for each reader and kept in the cache."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from django.db import close_old_connections

from accounts.models import User
from accounts.policies import Scope, may
from analysis.jobs.derived import NO_MEMORY, influence_answer
from analysis.models import AnalysisRun
from analysis.pages.results_panels import study_panel, subjects_of
from analysis.plots import Plot, cluster_colour
from analysis.plots.influence import carriers, effects
from analysis.plots.robustness import ranges
from analysis.plots.source import run_source, study_source
from analysis.plots.subjects import Subjects
from analysis.report_pdf import Extras, report_pdf
from analysis.reports import run_report
from analysis.services.derived import Question, answer_fail, answer_find, answer_keep
from analysis.services.run_reports import REPORT, influence_question, reports_told, studies_told
from evidence.models import Evidence


class Incomplete(Exception):
    """Something that belongs into a report could not be computed now: why, in words."""


def report_answer(run_id: str, user_id: str, state: str) -> None:
    """Make the report of a run for a user, as Base64; `state` tells it from the one it would have been before."""
    question = Question(REPORT, (run_id, user_id, state))
    close_old_connections()
    try:
        run = AnalysisRun.objects.select_related("owner").get(pk=run_id)
        content = report_pdf(run, extras_of(run, User.objects.get(pk=user_id)))
        answer_keep(question=question, document=base64.b64encode(content).decode())
    except MemoryError:
        answer_keep(question=question, refusal=NO_MEMORY)
    except Incomplete as error:
        answer_fail(question=question, reason=str(error))
    except Exception:
        answer_fail(question=question)
    finally:
        close_old_connections()


def extras_of(run: AnalysisRun, user: User) -> Extras:
    """What a run's report tells this user besides the run itself."""
    words = subjects_of(run)
    plots = [*_studies(run, user, words), *_robustness(run, user, words)]
    if not may(user, Scope.READ_EVIDENCE):
        return Extras(plots)
    items: list[dict[str, Any]] = run.model_document["evidence"]
    found = Evidence.objects.visible_to(user).filter(public_id__in=[item["id"] for item in items])
    urls = {public_id: url for public_id, url in found.values_list("public_id", "source__url") if url}
    return Extras([*plots, *_influence(run, words)], items, urls)


def _studies(run: AnalysisRun, user: User, words: Subjects) -> Iterator[Plot]:
    """The plots of the newest study of each method."""
    rows = list(studies_told(run=run, user=user))
    for method, output in {row.method: row.output for row in reversed(rows)}.items():
        yield from study_panel(user, run, words=words, output=words.output(output), method=method, rows=rows).plots


def _robustness(run: AnalysisRun, user: User, words: Subjects) -> Iterator[Plot]:
    study = reports_told(run=run, user=user).first()
    if study and study.result_document:
        colours = {row.name: cluster_colour(row.colour) for row in run_report(run=run).clusters}
        yield ranges(study.result_document, words, colours, source=study_source(study, run))


def _influence(run: AnalysisRun, words: Subjects) -> Iterator[Plot]:
    """What each item of the evidence does, unless the engine refuses: computed here where nobody has asked before.

    Raises Incomplete: a report without it would be kept as if there were nothing to say.
    """
    question = influence_question(run=run)
    if not answer_find(question=question).is_final:
        origin, output = question.arguments
        influence_answer(str(origin), output)
    answer = answer_find(question=question)
    if answer.document is None and not answer.refusal:
        raise Incomplete(f"what its evidence does was not computed (the worker's log names {answer.job_id})")
    if answer.document and answer.document["items"]:
        yield carriers(effects(answer.document["items"], {}), "item", words, source=run_source(run))
