"""Whole tables of evidence, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.etags import etag_of_bytes, not_modified
from accounts.api.parsers import read_body
from accounts.api.views import ScopedView
from accounts.limits import Cost
from accounts.policies import Scope
from evidence.api.base import actor_of, checked_query
from evidence.api.queries import EvidenceExportQuery, EvidenceImportQuery
from evidence.choices import TableKind
from evidence.selectors import evidence_list
from evidence.services.exports import export_make, export_note
from evidence.services.imports import ImportAnswer, evidence_import
from evidence.tables import MAX_BYTES, TableFormat, read_csv, read_json


class ColumnFaultSerializer(serializers.Serializer):
    """What is wrong with a row."""

    column = serializers.CharField(help_text="Empty: the row as a whole.")
    message = serializers.CharField()


class RowAnswerSerializer(serializers.Serializer):
    """What became of a row."""

    row = serializers.IntegerField(help_text="From 1, without the line of column names.")
    id = serializers.CharField(help_text="As in the row.")
    outcome = serializers.ChoiceField(["created", "updated", "revised", "unchanged", "refused"])
    errors = ColumnFaultSerializer(many=True)  # type: ignore[assignment]
    warnings = serializers.ListField(child=serializers.CharField())


class EvidenceImportSerializer(serializers.Serializer):
    """What an import did, or would do."""

    written = serializers.BooleanField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Rows by outcome.")
    rows = RowAnswerSerializer(many=True)


class _TableParser(BaseParser):
    """A body as it is; the view reads it as the kind of table that its type says."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The bytes. Raises PayloadTooLarge."""
        return self.media_type, read_body(stream, MAX_BYTES)


class CsvParser(_TableParser):
    """A table as CSV."""

    media_type = TableFormat.CSV.label


class JsonTableParser(_TableParser):
    """A table as JSON."""

    media_type = TableFormat.JSON.label


_ROWS = {"type": "array", "items": {"type": "object", "additionalProperties": True}, "minItems": 1}
_CONTENTS: Mapping[TableFormat, Any] = {
    TableFormat.CSV: OpenApiTypes.STR,
    TableFormat.XLSX: OpenApiTypes.BINARY,
    TableFormat.JSON: {key: value for key, value in _ROWS.items() if key != "minItems"},
    TableFormat.PARQUET: OpenApiTypes.BINARY,
}
_READERS = {CsvParser.media_type: read_csv, JsonTableParser.media_type: read_json}


class EvidenceImportView(ScopedView):
    """Tables in."""

    scopes = {"post": Scope.WRITE_EVIDENCE}
    parser_classes = [CsvParser, JsonTableParser]

    @extend_schema(
        summary="Import a table of evidence",
        description="CSV in UTF-8 with a line of column names, or a JSON array of objects, with the columns of the "
        "export; `id` is needed and may be empty for new items, other columns may be left out, `status` and `quality` "
        "are not taken, and a row with another status than its item has a warning. New items are drafts, changes of "
        "approved ones revisions. If a row is refused nothing is "
        "written, and the errors name every row and column, unless `partial` is true. At most 10,000 rows.",
        operation_id="evidence_import",
        parameters=[EvidenceImportQuery],
        request={CsvParser.media_type: OpenApiTypes.STR, JsonTableParser.media_type: _ROWS},
        responses=EvidenceImportSerializer,
        examples=[
            OpenApiExample(
                "A change",
                [{"id": "H1-001", "description": "Found again."}],
                request_only=True,
                media_type=JsonTableParser.media_type,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """The table's rows, written or refused."""
        how = checked_query(request, EvidenceImportQuery)
        given: Any = request.data
        if not isinstance(given, tuple):  # DRF's idea of an empty body
            raise ValidationError("The body is empty.")
        media_type, raw = given
        done = evidence_import(actor=actor_of(request), table=_READERS[media_type](raw), **how)
        if not done.written and not how["dry_run"]:
            raise ValidationError(_faults(done))
        return Response(EvidenceImportSerializer(done).data)


def _faults(done: ImportAnswer) -> dict[str, list[ErrorDetail]]:
    """What is wrong with each row and column, by path."""
    return {
        f"rows[{row.row - 1}].{fault.column}".rstrip("."): [ErrorDetail(f"Row {row.row}: {fault.message}", "invalid")]
        for row in done.rows
        for fault in row.errors
    }


class _AnyType(BaseContentNegotiation):
    """The query says what comes back, whatever Accept says; errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """The only one there is."""
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """The only one there is."""
        return renderers[0], renderers[0].media_type


class EvidenceExportView(ScopedView):
    """Tables out."""

    scopes = {"get": Scope.READ_EVIDENCE}
    costs = {"get": Cost.EVIDENCE_QUERIES}
    content_negotiation_class = _AnyType

    @extend_schema(
        summary="Export evidence as a table",
        description="The items that pass the filters, one a row, with their sources in full. In CSV and XLSX, text "
        "that a spreadsheet would take for a formula has an apostrophe before it, which an import takes away again.",
        operation_id="evidence_export",
        parameters=[EvidenceExportQuery],
        responses={(200, each.label): _CONTENTS[each] for each in TableFormat},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The table as a file."""
        filters = dict(checked_query(request, EvidenceExportQuery))
        kind = TableFormat(filters.pop("format"))
        items = evidence_list(user=request.user, filters=filters)  # type: ignore[arg-type]
        rows = items.prefetch_related(None)
        file = export_make(actor=actor_of(request), kind=TableKind.ITEMS, rows=rows, format=kind.value)
        etag = etag_of_bytes(file.content)
        if same := not_modified(request, etag):
            return same
        export_note(actor=actor_of(request), file=file)
        headers = {"ETag": etag, "Content-Disposition": f'attachment; filename="{file.name}"'}
        return HttpResponse(file.content, content_type=file.media_type, headers=headers)
