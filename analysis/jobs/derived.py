"""What follows from stored runs, computed once and kept in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import close_old_connections

from aifutures_site.config import get_config
from analysis.engine.comparison import ComparisonError, compare
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.influence import evidence_influence
from analysis.engine.spec import ModelDocument, ModelError, parse_model
from analysis.models import AnalysisRun
from analysis.services.derived import COMPARISON, INFLUENCE, Question, answer_fail, answer_keep
from analysis.services.threads import engine_threads

NO_MEMORY = "there was not enough memory for it; runs of fewer years or hypotheses take less"


def comparison_answer(before_id: str, after_id: str) -> None:
    """Compare two runs (`aifutures.comparison/1`)."""

    def compute() -> dict[str, Any]:
        before, after = _run(before_id), _run(after_id)
        return compare(
            _model(before),
            before.result_document or {},
            _model(after),
            after.result_document or {},
            jit=get_config().computation.optimization.enable_jit,
            threads=engine_threads(),
        )

    _answer(Question(COMPARISON, (before_id, after_id)), compute)


def influence_answer(run_id: str, output: str | None) -> None:
    """What each item, source and group of a run's evidence does (`aifutures.influence/1`)."""
    _answer(
        Question(INFLUENCE, (run_id, output)),
        lambda: evidence_influence(_model(_run(run_id)), output, threads=engine_threads()),
    )


def _answer(question: Question, compute: Callable[[], dict[str, Any]]) -> None:
    close_old_connections()
    try:
        answer_keep(question=question, document=compute())
    except (ComparisonError, ImpossibleObservation, ModelError) as error:
        answer_keep(question=question, refusal=str(error))
    except MemoryError:
        answer_keep(question=question, refusal=NO_MEMORY)
    except Exception:
        answer_fail(question=question)
    finally:
        close_old_connections()


def _run(run_id: str) -> AnalysisRun:
    return AnalysisRun.objects.get(pk=run_id)


def _model(run: AnalysisRun) -> ModelDocument:
    return parse_model(run.model_document)
