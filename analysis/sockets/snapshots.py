"""The present state of a computation as the message that tells it, read from the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from accounts.policies import Asker
from analysis.api.documents import address
from analysis.choices import RunStatus
from analysis.models import Computation
from analysis.progress import Cancelled, End, Error, Progress, Result, progress_of, text_of
from analysis.services.lifecycle import KINDS
from analysis.services.turns import positions

Model = type[Computation]


class Snapshot(NamedTuple):
    """What a follower of a computation is told, as text; of two, the one with the higher `seq` is the later.

    While it waits, others' going changes its `position` in the queue, and nothing else of it.
    """

    pk: UUID
    model: Model
    seq: int
    is_final: bool
    text: str
    position: int | None = None


def snapshot_of(computation: Computation) -> Snapshot:
    """A computation's present state."""
    model = type(computation)
    return _snapshot(computation, positions(model) if computation.status == RunStatus.QUEUED else {})


def _snapshot(computation: Computation, places: Mapping[UUID, int]) -> Snapshot:
    position = places.get(computation.pk)
    return Snapshot(
        pk=computation.pk,
        model=type(computation),
        seq=computation.progress_seq,
        is_final=computation.is_final,
        text=text_of(_message_of(computation, position)),
        position=position,
    )


def snapshots_read(wanted: Mapping[UUID, Model]) -> list[Snapshot]:
    """The present states of computations, by their ids and kinds; of one that is gone, that it is gone."""
    rows = {pk: row for model, pks in _by_model(wanted) for pk, row in model._default_manager.in_bulk(pks).items()}
    waiting = {type(row) for row in rows.values() if row.status == RunStatus.QUEUED}
    places = {pk: place for model in waiting for pk, place in positions(model).items()}
    return [_snapshot(rows[pk], places) if pk in rows else _gone(pk, model) for pk, model in wanted.items()]


def hidden_read(user: Asker, wanted: Mapping[UUID, Model]) -> frozenset[UUID]:
    """Those of the computations that the user may not see. One that was deleted is none of them: its end is told."""
    hidden: set[UUID] = set()
    for model, pks in _by_model(wanted):
        visible = model._default_manager.visible_to(user)  # type: ignore[attr-defined] # every kind's manager has it
        rows = model._default_manager.filter(pk__in=pks).exclude(pk__in=visible.values("pk"))
        hidden.update(rows.values_list("pk", flat=True))
    return frozenset(hidden)


def computation_find(user: Asker, pk: UUID) -> Computation | None:
    """The run, study or report of this id, if the user may see it."""
    for model in KINDS:
        rows: Any = model._default_manager
        found: Computation | None = rows.visible_to(user).filter(pk=pk).first()
        if found is not None:
            return found
    return None


def _by_model(wanted: Mapping[UUID, Model]) -> Iterable[tuple[Model, list[UUID]]]:
    for model in set(wanted.values()):
        yield model, [pk for pk, kind in wanted.items() if kind is model]


def _message_of(computation: Computation, position: int | None) -> Progress | End:
    run_id, seq = str(computation.pk), computation.progress_seq
    match computation.status:
        case RunStatus.SUCCEEDED:
            probabilities = _probabilities(computation)
            return Result(
                type="result",
                run_id=run_id,
                seq=seq,
                scenarios=list(probabilities),
                probabilities=list(probabilities.values()),
                result_url=address(computation, "result"),
            )
        case RunStatus.FAILED:
            return Error(type="error", code="failed", message=computation.error, run_id=run_id, seq=seq)
        case RunStatus.CANCELLED:
            return Cancelled(type="cancelled", run_id=run_id, seq=seq)
    return progress_of(computation, position)


def _probabilities(computation: Computation) -> Mapping[str, float]:
    """A run's mean probabilities by scenario, without reading all that is in its result; none of a study."""
    rows = type(computation)._default_manager.filter(pk=computation.cached_from_id or computation.pk)
    return rows.values_list("result__scenario_probabilities", flat=True).get() or {}


def _gone(pk: UUID, model: Model) -> Snapshot:
    error = Error(type="error", code="failed", message="It was deleted.", run_id=str(pk), seq=_LAST)
    return Snapshot(pk, model, _LAST, is_final=True, text=text_of(error))


_LAST = 2**31 - 1  # after every number that a row can have
