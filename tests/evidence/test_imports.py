"""Tables of evidence, out and in again, and what is said of rows that are wrong."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.formulas import guarded, unguarded
from accounts.models import AuditEntry
from evidence.choices import EvidenceStatus
from evidence.models import Evidence, EvidenceRevision, Hypothesis, Source
from evidence.resources import EvidenceResource
from evidence.resources.items import COLUMNS
from evidence.selectors import evidence_list
from evidence.services.imports import evidence_import
from evidence.services.items import evidence_edit
from evidence.services.merges import source_merge
from evidence.tables import read_csv, read_json, write_csv, write_json, write_parquet
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db

ROW = {
    "id": "H1-900",
    "hypothesis": "H1",
    "direction": "A",
    "strength": "0.5",
    "authority": "0.8",
    "methodology": "0.7",
    "recency": "",
    "replication": "0.6",
    "dependency_group": "",
    "description": "What was found.",
    "rationale": "",
    "source_title": "Findings",
    "source_authors": "",
    "source_publisher": "",
    "source_type": "think_tank",
    "source_publication_date": "2024-01-01",
    "source_url": "https://example.org/findings",
    "source_identifier": "",
}


@pytest.fixture
def curator():
    return UserFactory(role="curator")


def table(*rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return read_csv(out.getvalue().encode())


def exported(user):
    return EvidenceResource().export(evidence_list(user=user))


def stored():
    return [list(model.objects.order_by("pk").values()) for model in (Evidence, EvidenceRevision, Source)]


class TestRoundTrip:
    @pytest.fixture(params=["csv", "json"])
    def file(self, request):
        return {"csv": (write_csv, read_csv), "json": (write_json, read_json)}[request.param]

    def test_what_was_exported_changes_nothing_when_imported(self, file, curator):
        write, read = file
        call_command("load_evidence", stdout=io.StringIO())
        source = SourceFactory(title="=HYPERLINK(1)", publisher="'-quoted", authors='"A", B;\nC')
        item = EvidenceFactory(source=source, description="@cmd\r\nsecond line", rationale="'=1", recency=0.1 + 0.2)
        evidence_edit(evidence=item, actor=curator, changes={"strength": 0.9}, reason="New data.")
        before = stored()
        answer = evidence_import(actor=curator, table=read(write(exported(curator))))
        assert answer.counts == {"unchanged": 121}, [row for row in answer.rows if row.outcome != "unchanged"]
        assert stored() == before

    def test_what_was_exported_makes_the_same_items_elsewhere(self, file, curator):
        write, read = file
        EvidenceFactory.create_batch(3)
        content = write(exported(curator))
        Evidence.objects.all().delete()
        Source.objects.all().delete()
        answer = evidence_import(actor=curator, table=read(content))
        assert answer.counts == {"created": 3}
        Evidence.objects.update(status="approved")
        old, new = (
            list(csv.reader(io.StringIO(write_csv(each).decode()))) for each in (read(content), exported(curator))
        )
        quality = old[0].index("quality")  # the factory's is not that of its scores
        assert [row[:quality] for row in old] == [row[:quality] for row in new]

    def test_parquet_has_types_and_the_same_values(self, curator):
        item = EvidenceFactory(recency=None, strength=0.1 + 0.2)
        data = pq.read_table(io.BytesIO(write_parquet(exported(curator), EvidenceResource.types())))
        assert data.column_names == list(COLUMNS)
        assert {name: str(data.schema.field(name).type) for name in ("id", "strength", "source_publication_date")} == {
            "id": "string",
            "strength": "double",
            "source_publication_date": "date32[day]",
        }
        row = data.to_pylist()[0]
        assert (row["id"], row["strength"], row["recency"]) == (item.public_id, 0.1 + 0.2, None)
        assert row["source_publication_date"] == item.source.publication_date

    def test_an_empty_table_is_written_in_every_format(self, curator):
        empty = exported(curator)
        assert write_csv(empty).decode().strip().split(",") == list(COLUMNS)
        assert json.loads(write_json(empty)) == []
        assert pq.read_table(io.BytesIO(write_parquet(empty, EvidenceResource.types()))).num_rows == 0


def test_all_cells_of_a_row_are_looked_at(curator):
    row = {**ROW, "source_publication_date": "2024-02-31", "strength": "1.5", "direction": "C", "authority": "high"}
    (answer,) = evidence_import(actor=curator, table=table(row), dry_run=True).rows
    assert {fault.column for fault in answer.errors} == {
        "source_publication_date",
        "strength",
        "direction",
        "authority",
    }


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", "''-1", "plain", "'plain", ""])
def test_no_text_is_a_formula_and_every_text_comes_back(text):
    assert guarded(text)[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert unguarded(guarded(text)) == text


def test_new_rows_are_drafts_of_the_importer_with_their_source_once(curator):
    rows = [ROW, {**ROW, "id": "H2-900", "hypothesis": "H2", "source_url": "http://www.example.org/findings/"}]
    answer = evidence_import(actor=curator, table=table(*rows, {**ROW, "id": ""}), reason="From the survey.")
    assert answer.counts == {"created": 3}
    assert answer.written
    assert set(Evidence.objects.values_list("public_id", "status", "created_by")) == {
        ("H1-900", "draft", curator.pk),
        ("H2-900", "draft", curator.pk),
        ("H1-901", "draft", curator.pk),
    }
    assert Source.objects.get().key == "example.org/findings"
    assert Evidence.objects.get(public_id="H1-900").history.get().history_change_reason == "From the survey."
    assert AuditEntry.objects.filter(action="evidence.import", actor=curator, details={"created": 3}).exists()


WRONG = {
    "a word as number": ({"strength": "high"}, "strength", "must be a number, not 'high'"),
    "out of range": ({"authority": "1.5"}, "authority", "less than or equal to 1"),
    "no number": ({"methodology": ""}, "methodology", "cannot be null"),
    "NaN": ({"replication": "nan"}, "replication", "must be a number"),
    "unknown hypothesis": ({"hypothesis": "H9"}, "hypothesis", "unknown hypothesis 'H9'; known are H1, H2"),
    "no hypothesis": ({"hypothesis": ""}, "hypothesis", "cannot be null"),
    "direction": ({"direction": "C"}, "direction", "not a valid choice"),
    "empty description": ({"description": " "}, "description", "cannot be blank"),
    "bad id": ({"id": "a b"}, "id", "Letters, digits"),
    "id twice": ({"id": "H1-900"}, "id", "H1-900 is in row 1 already"),
    "impossible day": ({"source_publication_date": "2024-02-30"}, "source_publication_date",
                       "there is no day 2024-02-30"),
    "a day long past": ({"source_publication_date": "1066-10-14", "source_url": "https://example.org/x"},
                        "source_publication_date", "between 1900-01-01"),
    "source type": ({"source_type": "blog", "source_url": "https://example.org/x"}, "source_type", "not a valid"),
    "script as address": ({"source_url": "javascript:alert(1)"}, "source_url", "valid URL"),
    "half an address": ({"source_url": "http://[::1"}, "source_url", "valid URL"),
    "a name that is taken": ({"id": "export"}, "id", "not free"),
    "a source nobody can find": ({"source_url": ""}, "source_url", "needs an address or an identifier"),
    "no title": ({"source_title": "", "source_url": "https://example.org/x"}, "source_title", "cannot be blank"),
    "a NUL": ({"rationale": "a\x00b"}, "rationale", "Null characters"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "column", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_row_is_named_with_its_column_and_nothing_is_written(curator, change, column, words):
    answer = evidence_import(actor=curator, table=table(ROW, {**ROW, "id": "H1-901", **change}))
    assert not answer.written
    assert (answer.rows[0].outcome, answer.rows[1].outcome) == ("created", "refused")
    assert answer.rows[1].row == 2
    faults = {fault.column: fault.message for fault in answer.rows[1].errors}
    assert words in faults[column], faults
    assert stored() == [[], [], []]
    assert not AuditEntry.objects.filter(action="evidence.import").exists()


def test_every_fault_of_a_row_is_named(curator):
    row = {**ROW, "strength": "high", "recency": "old", "hypothesis": "H9"}
    answer = evidence_import(actor=curator, table=table(row))
    assert {fault.column for fault in answer.rows[0].errors} == {"strength", "recency", "hypothesis"}


def test_partial_writes_the_right_rows_whole_and_leaves_the_wrong_ones(curator):
    other = {"source_url": "https://example.org/other", "source_title": "Quite another one"}
    rows = [ROW, {**ROW, **other, "id": "H1-901", "strength": "2"}, {**ROW, **other, "id": "H1-902"}]
    answer = evidence_import(actor=curator, table=table(*rows), partial=True)
    assert [row.outcome for row in answer.rows] == ["created", "refused", "created"]
    assert answer.written
    assert set(Evidence.objects.values_list("public_id", flat=True)) == {"H1-900", "H1-902"}
    assert Source.objects.count() == 2


@pytest.mark.parametrize("partial", [False, True])
def test_a_dry_run_tells_all_and_writes_nothing(curator, partial):
    answer = evidence_import(actor=curator, table=table(ROW), dry_run=True, partial=partial)
    assert (answer.counts, answer.written) == ({"created": 1}, False)
    assert stored() == [[], [], []]


def test_a_changed_row_of_an_approved_item_is_a_revision_and_needs_a_reason(curator):
    item = EvidenceFactory(public_id="H1-900")
    row = table({"id": "H1-900", "strength": "0.9"})
    answer = evidence_import(actor=curator, table=row)
    assert [(fault.column, fault.message) for fault in answer.rows[0].errors] == [("reason", "Say why.")]
    answer = evidence_import(actor=curator, table=row, reason="New data.")
    assert answer.counts == {"revised": 1}
    item.refresh_from_db()
    assert (item.strength, item.status, item.open_revision.strength) == (0.5, EvidenceStatus.APPROVED, 0.9)


def test_columns_that_are_not_there_leave_what_they_would_say(curator):
    item = EvidenceFactory(public_id="H1-900", status="draft", rationale="Because.")
    answer = evidence_import(actor=curator, table=table({"id": "H1-900", "description": "Found again."}))
    assert answer.counts == {"updated": 1}
    item.refresh_from_db()
    assert (item.description, item.rationale, item.strength) == ("Found again.", "Because.", 0.5)


def test_a_stored_source_follows_the_row_under_the_rules_for_sources(curator):
    item = EvidenceFactory(
        public_id="H1-900", source=SourceFactory(url="https://example.org/findings", title="Findings")
    )
    link = {"id": "H1-900", "source_url": "example.org", "source_title": ""} | {"source_url": item.source.url}
    assert evidence_import(actor=curator, table=table(link)).counts == {"unchanged": 1}
    assert evidence_import(actor=curator, table=table({**link, "source_title": "Other"})).counts == {"updated": 1}
    assert Source.objects.get().title == "Other"
    answer = evidence_import(actor=curator, table=table({**link, "source_type": "think_tank"}), reason="Wrong before.")
    assert "write:model" in answer.rows[0].errors[0].message


def test_a_row_whose_marks_disagree_is_refused(curator):
    SourceFactory(key="a", url="https://example.org/a")
    SourceFactory(key="b", url="https://example.org/b", identifier="10.1000/b")
    row = {**ROW, "source_url": "https://example.org/a", "source_identifier": "doi:10.1000/B"}
    answer = evidence_import(actor=curator, table=table(row))
    assert "more than one stored source: a and b" in answer.rows[0].errors[0].message


def test_a_title_that_is_almost_anothers_is_a_warning(curator):
    SourceFactory(key="old", title="Scaling Laws for Neural Language Models")
    row = {**ROW, "source_title": "Scaling laws for neural language models."}
    answer = evidence_import(actor=curator, table=table(row))
    assert answer.counts == {"created": 1}
    assert answer.rows[0].warnings == ["The title of the new source is almost that of old."]


def test_a_status_that_is_not_the_items_is_a_warning(curator):
    EvidenceFactory(public_id="H1-001", status="approved")
    rows = [
        {**ROW, "status": "approved"},
        {**ROW, "id": "H1-901", "status": "draft", "description": "Another."},
        {**ROW, "id": "H1-902", "status": "", "description": "A third."},
    ]
    answer = evidence_import(actor=curator, table=table(*rows))
    assert [row.warnings for row in answer.rows] == [
        ["The status 'approved' is not taken: the item was draft; review changes it."],
        [],
        [],
    ]
    assert set(Evidence.objects.exclude(public_id="H1-001").values_list("status", flat=True)) == {"draft"}
    told = evidence_import(actor=curator, table=table({"id": "H1-001", "status": "retired"})).rows[0]
    assert (told.outcome, "not taken: the item was approved" in told.warnings[0]) == ("unchanged", True)


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_who_may_not_write_imports_nothing(role):
    with pytest.raises(PermissionDenied):
        evidence_import(actor=UserFactory(role=role), table=table(ROW))


@pytest.mark.parametrize(
    ("header", "words"), [("id,colour\nx,red\n", "Unknown columns: colour"), ("strength\n1\n", "column id is missing")]
)
def test_wrong_columns_are_named(curator, header, words):
    with pytest.raises(ValidationError, match=words):
        evidence_import(actor=curator, table=read_csv(header.encode()))


@pytest.mark.parametrize(
    ("read", "raw", "words"),
    [
        (read_csv, b"", "empty"),
        (read_csv, b"id\n", "no rows"),
        (read_csv, "id,description\nx,caf\u00e9\n".encode("latin-1"), "Line 2 is not UTF-8"),
        (read_csv, b"id,direction\nx\n", "Row 1 has 1 cells"),
        (read_csv, b"id,id\nx,y\n", "twice: id"),
        (read_csv, b"id;direction\nx;A\n", "semicolons between its columns"),
        (read_csv, b"id\n" + b"x\n" * 10_001, "more than 10,000 rows"),
        (read_csv, b"x" * 20_000_001, "larger than"),
        (read_csv, b"id\n" + b"x" * 200_000, "not valid CSV"),
        (read_csv, b'id,description\nx,"a\nb"\n\ny,"c\nz,d\n', "row that begins in line 5 is not valid CSV"),
        (read_csv, b'id,description\nx,"c\ny,"d"\n', "row that begins in line 2 is not valid CSV"),
        (read_csv, b"\nid,description\n\n\nx\n", "Row 3 has 1 cells"),
        (read_json, b"{", "not valid JSON"),
        (read_json, b"\xff", "not UTF-8"),
        (read_json, b'[{"id": NaN}]', "NaN is no JSON number"),
        (read_json, b"[" * 100_000, "nested too deeply"),
        (read_json, b'[{"id": "a", "description": "\\ud800"}]', "half of a surrogate pair"),
        (read_json, b'[{"id": "a", "description": "\\u0000"}]', "NUL character"),
        (read_json, b'[{"id": "a", "strength": 1e999}]', "too large a number"),
        (read_json, b'{"id": 1}', "array of objects"),
        (read_json, b"[1]", "array of objects"),
        (read_json, b"[]", "no rows"),
        (read_json, b'[{"id": "a"}, {"id": "b", "x": 1}]', "Row 2 has other columns than row 1: x"),
    ],
)
def test_a_broken_file_is_refused_in_words(read, raw, words):
    with pytest.raises(ValidationError, match=words):
        read(raw)


def test_rows_have_the_numbers_that_they_have_in_the_file(curator):
    lines = ["", "id,strength", "", "", "x,5", "", 'H1-900,".5"', "H1-900,.5", ""]
    EvidenceFactory(public_id="H1-900")
    answer = evidence_import(actor=curator, table=read_csv("\n".join(lines).encode()), dry_run=True)
    assert [(row.row, row.outcome) for row in answer.rows] == [(3, "refused"), (5, "unchanged"), (6, "refused")]
    assert answer.rows[2].errors[0].message == "H1-900 is in row 5 already"


def test_a_finding_that_is_stored_already_is_a_warning(curator):
    new = {**ROW, "id": ""}
    other = [{**new, "hypothesis": "H2"}, {**new, "source_url": "https://example.org/2"}, {**new, "description": "No."}]
    answer = evidence_import(actor=curator, table=table(new, {**new, "description": "What  was found."}, *other))
    told = [[words for words in row.warnings if "same finding" in words] for row in answer.rows]
    assert told == [[], ["The same finding of this source is row 1 already."], [], [], []]
    answer = evidence_import(actor=curator, table=table({**new, "source_url": "http://www.example.org/findings/"}))
    assert answer.counts == {"created": 1}
    assert answer.rows[0].warnings == ["The same finding of this source is H1-001 already."]


def test_a_row_is_compared_with_the_open_revision_that_it_would_change(curator):
    item = EvidenceFactory(public_id="H1-900", strength=0.4)
    evidence_edit(evidence=item, actor=curator, changes={"strength": 0.5, "recency": 0.1}, reason="Theirs.")
    row = {"id": "H1-900", "strength": "0.6", "recency": "0.1", "replication": str(item.replication)}
    (answer,) = evidence_import(actor=curator, table=table(row), dry_run=True, reason="Ours.").rows
    assert [(change.column, change.before, change.after) for change in answer.changes] == [("strength", "0.5", "0.6")]
    assert answer.warnings == ["The open revision of H1-900 takes the change, and is a draft then."]


def test_open_revisions_are_read_together(curator):
    def queries(number):
        items = EvidenceFactory.create_batch(number)
        for item in items:
            evidence_edit(evidence=item, actor=curator, changes={"strength": 0.9}, reason="New data.")
        rows = [{"id": item.public_id, "strength": "0.5"} for item in items]
        with CaptureQueriesContext(connection) as found:
            assert evidence_import(actor=curator, table=table(*rows)).counts == {"unchanged": number}
        return sum("SAVEPOINT" not in query["sql"] for query in found)

    assert queries(2) == queries(6)


def test_a_group_typed_otherwise_is_no_change(curator):
    item = EvidenceFactory(public_id="H1-900", dependency_group="Z\u00fcrich lab")
    answer = evidence_import(
        actor=curator, table=table({"id": "H1-900", "dependency_group": "Zu\u0308rich \u00a0lab"}), reason="Typed."
    )
    item.refresh_from_db()
    assert (answer.counts, item.open_revision) == ({"unchanged": 1}, None)


def test_a_source_that_was_merged_is_not_made_anew_without_a_word(curator):
    kept, merged = SourceFactory(identifier="10.1000/abc"), SourceFactory(identifier="arXiv:2001.08361")
    source_merge(kept=kept, merged=merged, actor=curator, reason="One study.")
    row = {**ROW, "source_url": "https://arxiv.org/abs/2001.08361v2"}
    (answer,) = evidence_import(actor=curator, table=table(row), dry_run=True).rows
    assert answer.warnings == [
        "This source was stored before, as arXiv:2001.08361, and taken away: Merged into 10.1000/abc: One study."
    ]


def test_a_byte_order_mark_and_blank_lines_do_no_harm():
    assert read_csv(b"\xef\xbb\xbfid , direction\r\n\r\nx,A\r\n\r\n").dict == [{"id": "x", "direction": "A"}]


@pytest.mark.parametrize(
    ("value", "column"),
    [(True, "strength"), ([1], "strength"), (5, "description"), ({"a": 1}, "id"), (10**400, "strength")],
)
def test_json_values_of_another_type_are_refused(curator, value, column):
    row = {name: cell or None for name, cell in ROW.items()} | {column: value}
    answer = evidence_import(actor=curator, table=read_json(json.dumps([row]).encode()))
    assert [fault.column for fault in answer.rows[0].errors] == [column]
    assert Hypothesis.objects.count() == 6
