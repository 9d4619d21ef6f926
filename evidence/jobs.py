"""What workers do for curators."""

from __future__ import annotations

import logging

import structlog
from django.db import close_old_connections

from evidence.models import TableImport
from evidence.services.import_files import rows_tell, step_fail, step_perform

logger = logging.getLogger(__name__)


def import_step(pk: str) -> None:
    """Check a large file, or write its rows, under the id of the request that asked for it."""
    close_old_connections()
    record = TableImport.objects.filter(pk=pk).defer("content", "rows").first()
    if record is None:
        return  # discarded
    try:
        with structlog.contextvars.bound_contextvars(request_id=record.request_id):
            step_perform(pk=pk, progress=rows_tell(pk))
    except Exception:
        logger.exception("an import was not finished", extra={"import": pk})
        step_fail(record=record, fault="Something went wrong here; nothing was written. Upload the file again.")
    finally:
        close_old_connections()
