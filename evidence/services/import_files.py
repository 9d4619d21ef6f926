"""Files of curators on their way into the database: checked first, then imported or discarded.

What is small is done at once, what is large by a worker. Rows are written in one transaction, begun once the file is
read, so a worker that dies leaves nothing half-written; the row of the import is held meanwhile, so that nothing is
written twice. A check writes nothing but its answer, and holds up nobody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import django_rq
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError
from rq.job import Job
from tablib import Dataset

from accounts.audit import current_request_id
from accounts.models import User
from accounts.policies import Scope
from evidence.choices import ImportStatus, TableKind
from evidence.files import table_read, work_of
from evidence.models import TableImport
from evidence.services.imports import ImportAnswer, evidence_import, source_import
from evidence.services.rules import Conflict, checked_reason, require
from evidence.tables import bounded

JOB = "evidence.jobs.import_step"
QUEUE = "default"
SMALL_BYTES = 100_000
"""Of text: what is done while its curator waits, a second at most."""
KEPT = timedelta(days=1)
"""For so long a file waits to be imported."""
SIGN_SECONDS = 120
"""A worker that has given no sign of life for so long is lost."""
_BEGINNING = timedelta(seconds=SIGN_SECONDS)
"""So long a worker that has taken the step may need for its first sign of life."""
STEP_SECONDS = 3600
"""After so long a worker gives a step up; the largest files take minutes."""
CHANGED = "What is stored has changed since the file was checked, so its rows would do something else now: look again."
_SIGN_ROWS = 100
_AT_WORK = (ImportStatus.CHECKING, ImportStatus.IMPORTING)

_IMPORTS: Mapping[str, Callable[..., ImportAnswer]] = {
    TableKind.ITEMS: evidence_import,
    TableKind.SOURCES: source_import,
}


def file_upload(*, actor: User, kind: TableKind, file_name: str, content: bytes, reason: str = "") -> TableImport:
    """Take a file and find out what importing it would do: at once, or by a worker.

    Raises PermissionDenied, ValidationError for a file that cannot be read, and RedisError where no worker can be
    asked.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    reason = checked_reason(reason, needed=False)
    files_forget()
    record = TableImport(
        kind=kind,
        file_name=file_name[-200:],
        content=bounded(content),
        is_large=work_of(kind, file_name, content) > SMALL_BYTES,
        reason=reason,
        created_by=actor,
    )
    if not record.is_large:
        _check(record, _table(record))
    record.save(force_insert=True)
    if record.is_large:
        _hand_over(record, undo=record.delete)
    return record


def file_import(*, record: TableImport, actor: User, partial: bool = False) -> TableImport:
    """Write the rows of a checked file: all or none, or, with `partial`, those that are right.

    Where that would do something else than the check told, nothing is written, and what it would do is told anew.
    Raises PermissionDenied also for others than its uploader, Conflict, ValidationError and RedisError.
    """
    table = None if record.is_large or record.status != ImportStatus.CHECKED else _table(record)
    with transaction.atomic():
        record = _own(record, actor, {ImportStatus.CHECKED})
        record.status, record.partial, record.request_id = ImportStatus.IMPORTING, partial, current_request_id()
        record.save(update_fields=["status", "partial", "request_id"])
        if table is not None:
            _write(record, table)
    if table is None:
        importing = TableImport.objects.filter(pk=record.pk, status=record.status)
        _hand_over(record, undo=lambda: importing.update(status=ImportStatus.CHECKED))
    return record


def file_retry(*, record: TableImport, actor: User) -> TableImport:
    """Ask a worker anew where the one that was asked is lost. Raises PermissionDenied, Conflict and RedisError."""
    with transaction.atomic():
        record = _own(record, actor, set(_AT_WORK))
    if rows_done(record) is not None:
        raise Conflict("A worker is at it, or will be.")
    _ask_worker(record)
    return record


@transaction.atomic
def file_discard(*, record: TableImport, actor: User) -> None:
    """Forget a file that was not imported. Raises PermissionDenied and Conflict."""
    _own(record, actor, {ImportStatus.CHECKED, ImportStatus.FAILED, ImportStatus.CHECKING}).delete()


def files_forget() -> int:
    """Forget files that nobody has imported for a day; how many there were. Those at work have another day."""
    now = timezone.now()
    waiting = Q(status__in=(ImportStatus.CHECKED, ImportStatus.FAILED), created_at__lt=now - KEPT)
    lost = Q(status__in=_AT_WORK, created_at__lt=now - 2 * KEPT)
    return TableImport.objects.filter(waiting | lost).delete()[0]


def step_perform(*, pk: UUID | str, progress: Callable[[int], None] = lambda rows: None) -> None:
    """Take the step that the import waits for: check its file, or write its rows.

    A file that cannot be read fails the import, in words; whatever else goes wrong is raised, and nothing is written.
    """
    record = TableImport.objects.filter(pk=pk, status__in=_AT_WORK).first()
    if record is None:
        return  # discarded, or done already
    try:
        table = _table(record)
        waiting = TableImport.objects.filter(pk=pk, status=record.status)  # else discarded meanwhile, or done
        if record.status == ImportStatus.CHECKING:
            _check(record, table, progress)
            waiting.update(counts=record.counts, rows=record.rows, status=record.status)
            return
        with transaction.atomic():
            if (held := waiting.select_for_update().first()) is not None:
                _write(held, table, progress)
    except (ValidationError, PermissionDenied) as error:
        step_fail(record=record, fault=" ".join(getattr(error, "messages", [str(error)])))


def step_fail(*, record: TableImport, fault: str) -> None:
    """End an import of which nothing is written, and forget its file; not where another worker has done that step."""
    ended = {"status": ImportStatus.FAILED, "fault": fault, "content": None, "finished_at": timezone.now()}
    TableImport.objects.filter(pk=record.pk, status=record.status).update(**ended)


def rows_done(record: TableImport) -> int | None:
    """How many rows the worker has looked at; 0 while it waits for one, None where the worker is lost."""
    done = cache.get(_sign(record.pk))
    if done is not None:
        return int(done)
    try:
        job = Job.fetch(_job_id(record), connection=_queue().connection, serializer=_queue().serializer)
    except NoSuchJobError:
        return None
    begins = job.is_started and job.started_at is not None and timezone.now() - job.started_at < _BEGINNING
    return 0 if job.is_queued or begins else None


def rows_tell(pk: UUID | str) -> Callable[[int], None]:
    """What keeps the sign of life of a worker that takes a step."""

    def tell(rows: int) -> None:
        if rows % _SIGN_ROWS == 0:
            cache.set(_sign(pk), rows, SIGN_SECONDS)

    tell(0)
    return tell


def _table(record: TableImport) -> Dataset:
    return table_read(TableKind(record.kind), record.file_name, bytes(record.content or b""))


def _check(record: TableImport, table: Dataset, progress: Callable[[int], None] = lambda rows: None) -> None:
    """Have the record, which is not stored here, tell what importing the table would do."""
    answer = _run(record, table, progress, dry_run=True)
    record.counts, record.rows, record.status = answer.counts, _told(answer), ImportStatus.CHECKED


def _write(record: TableImport, table: Dataset, progress: Callable[[int], None] = lambda rows: None) -> None:
    """Write the table's rows, in a transaction that holds the record."""
    with transaction.atomic():
        answer = _run(record, table, progress, dry_run=False)
        rows = _told(answer)
        is_new = rows != record.rows
        written = answer.written and not is_new
        transaction.set_rollback(not written)
    record.counts, record.rows, record.fault = answer.counts, rows, CHANGED if is_new else ""
    record.status = ImportStatus.IMPORTED if written else ImportStatus.CHECKED
    if written:
        record.content, record.finished_at = None, timezone.now()
    record.save(update_fields=["counts", "rows", "fault", "status", "content", "finished_at"])


def _run(record: TableImport, table: Dataset, progress: Callable[[int], None], *, dry_run: bool) -> ImportAnswer:
    actor = record.created_by
    if actor is None:
        raise PermissionDenied("Who uploaded the file has left.")
    return _IMPORTS[record.kind](
        actor=actor,
        table=table,
        reason=record.reason,
        dry_run=dry_run,
        partial=record.partial,
        progress=progress,
        file=record,
    )


def _told(answer: ImportAnswer) -> list[dict[str, Any]]:
    """The answer's rows as they are kept."""
    text = json.dumps([asdict(row) for row in answer.rows])
    rows: list[dict[str, Any]] = json.loads(text.replace("\\u0000", "\\ufffd"))  # NUL is not stored
    return rows


def _own(record: TableImport, actor: User, states: set[ImportStatus]) -> TableImport:
    """The import as it is now, held. Raises PermissionDenied, and Conflict for another state."""
    require(actor, Scope.WRITE_EVIDENCE)
    found = TableImport.objects.select_for_update().filter(pk=record.pk).first()
    if found is None:
        raise Conflict("The file has been discarded.")
    if found.created_by_id != actor.pk:
        raise PermissionDenied("Only who uploaded the file may do this.")
    if found.status not in states:
        raise Conflict(f"The import is {found.get_status_display().lower()}.")
    return found


def _hand_over(record: TableImport, *, undo: Callable[[], object]) -> None:
    """Ask a worker; where none can be asked, take back what was stored for it. Raises RedisError."""
    try:
        _ask_worker(record)
    except RedisError:
        undo()
        raise


def _ask_worker(record: TableImport) -> None:
    """Have a worker take the step. Raises RedisError."""
    how = {"timeout": STEP_SECONDS, "result_ttl": 0, "failure_ttl": 0}
    _queue().enqueue_call(JOB, args=(str(record.pk),), job_id=_job_id(record), **how)


def _queue() -> Any:
    return django_rq.get_queue(QUEUE, commit_mode="auto")


def _job_id(record: TableImport) -> str:
    return f"import-{record.pk}-{record.status}"


def _sign(pk: UUID | str) -> str:
    return f"import-{pk}-rows"
