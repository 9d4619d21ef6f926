"""Imports and exports in the admin site: preview, faults by row, all or nothing, large files by a worker."""

import io
import json
from datetime import timedelta

import django_rq
import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.models import AuditEntry
from evidence import jobs
from evidence.jobs import import_step
from evidence.models import Evidence, Source, TableImport
from evidence.services import import_files, imports
from evidence.services.import_files import KEPT, files_forget, step_fail
from evidence.services.items import evidence_edit
from evidence.spreadsheets import write_xlsx
from evidence.tables import read_csv, read_json, write_csv, write_json
from tests.evidence.test_files import BIBTEX, book, zipped
from tests.evidence.test_imports import ROW, table
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db

BAD = {**ROW, "id": "H1-901", "strength": "1.5", "description": "<script>alert(1)</script>"}


@pytest.fixture
def curator(client):
    user = UserFactory(role="curator")
    client.force_login(user)
    return user


def upload(client, content, name="rows.csv", model="evidence", reason=""):
    data = {"file": SimpleUploadedFile(name, content), "reason": reason}
    return client.post(reverse(f"admin:evidence_{model}_import"), data, follow=True)


def page_of(record):
    return reverse("admin:evidence_tableimport_change", args=[record.pk])


def step(client, record, name):
    response = client.post(page_of(record), {"step": name}, follow=True)
    return [str(message) for message in response.context["messages"]], response


def csv_of(*rows):
    return write_csv(table(*rows))


class TestUpload:
    def test_a_bad_row_is_named_nothing_is_written_and_the_corrected_file_goes_in(self, client, curator):
        response = upload(client, csv_of(ROW, BAD), reason="Survey.")
        page = response.content.decode()
        assert "1 row cannot be written" in page and "Row 2" in page and "<b>strength</b>" in page
        assert "less than or equal to 1" in page
        record = TableImport.objects.get()
        assert (record.status, record.counts) == ("checked", {"created": 1, "refused": 1})
        assert not Evidence.objects.exists() and not Source.objects.exists()
        step(client, record, "import")  # for which the page has no button
        record.refresh_from_db()
        assert (record.status, Evidence.objects.count()) == ("checked", 0)

        upload(client, csv_of(ROW, {**BAD, "strength": "0.5"}), reason="Survey.")
        fixed = TableImport.objects.first()
        assert step(client, fixed, "import")[0] == []
        fixed.refresh_from_db()
        assert (fixed.status, fixed.content) == ("imported", None)
        assert set(Evidence.objects.values_list("status", "created_by")) == {("draft", curator.pk)}
        assert AuditEntry.objects.filter(action="evidence.import", actor=curator, reason="Survey.").count() == 1
        assert Evidence.objects.get(public_id="H1-900").history.get().request_id

    def test_the_good_rows_may_be_taken_alone(self, client, curator):
        upload(client, csv_of(ROW, BAD))
        record = TableImport.objects.get()
        _, response = step(client, record, "partial")
        assert "1 row written, 1 left out" in response.content.decode()
        assert Evidence.objects.get().public_id == "H1-900"

    def test_what_is_stored_already_is_unchanged_and_a_change_is_shown(self, client, curator):
        upload(client, csv_of(ROW))
        step(client, TableImport.objects.get(), "import")
        assert "Every row says what is stored already" in upload(client, csv_of(ROW)).content.decode()
        page = upload(
            client, csv_of({**ROW, "strength": "0.75", "rationale": "<b>x</b>"}), reason="New."
        ).content.decode()
        assert "<b>strength</b>: 0.5 → 0.75" in page
        assert "&lt;b&gt;x&lt;/b&gt;" in page and "<b>x</b>" not in page

    def test_dependency_groups_come_with_the_rows(self, client, curator):
        upload(client, csv_of({**ROW, "dependency_group": "survey-1"}))
        step(client, TableImport.objects.get(), "import")
        assert Evidence.objects.get().dependency_group == "survey-1"

    def test_html_is_shown_as_text(self, client, curator):
        bad = {**BAD, "id": "<img src=x onerror=alert(1)>", "hypothesis": "<script>"}
        page = upload(client, csv_of(bad), name="<b>rows.csv").content.decode()
        assert "<img src=x" not in page and "<b>rows" not in page
        assert "&lt;img src=x" in page and "unknown hypothesis &#x27;&lt;script&gt;&#x27;" in page

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("a.csv", lambda: b"id\n" + b"x" * 50_000_000, "larger than 20,000,000"),
            ("a.csv", lambda: "id,description\nx,caf\u00e9\n".encode("latin-1"), "Line 2 is not UTF-8"),
            ("a.xlsx", lambda: zipped(("a.xml", b" " * 101_000_000)), "unpacks to 101,000,000"),
            ("a.xlsx", lambda: book(["id", "strength"], ["x", "=A1"]), "Row 1, column strength: holds a formula"),
            ("a.xlsx", lambda: b"PK no", "not an XLSX"),
            ("a.json", lambda: b"[{", "not valid JSON"),
            ("a.csv", lambda: b"id,colour\nx,red\n", "Unknown columns: colour"),
            ("a.exe", lambda: b"MZ", "should end in one of"),
            ("a.csv", lambda: b"", "empty"),
        ],
        ids=["50 MB", "Latin-1", "bomb", "formula", "no book", "JSON", "columns", "kind", "empty"],
    )
    def test_a_file_that_cannot_be_read_is_refused_on_the_form(self, client, curator, name, content, words):
        response = upload(client, content(), name)
        assert any(words in error for error in response.context["form"].errors["file"])
        assert not TableImport.objects.exists() and not Evidence.objects.exists()

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"authority": "-1"}, "greater than or equal to 0"),
            ({"source_publication_date": "2024-02-30"}, "there is no day 2024-02-30"),
            ({"id": "H1-900"}, "H1-900 is in row 1 already"),
            ({"dependency_group": "a\x00b"}, "Null characters"),
            ({"id": "a\x00b"}, "Letters, digits"),
        ],
    )
    def test_bad_cells_are_told_with_row_and_column(self, client, curator, change, words):
        upload(client, csv_of(ROW, {**ROW, "id": "H1-901", **change}))
        faults = TableImport.objects.get().rows[1]["errors"]
        assert words in " ".join(fault["message"] for fault in faults if fault["column"] == next(iter(change))), faults

    def test_a_byte_order_mark_does_no_harm(self, client, curator):
        upload(client, b"\xef\xbb\xbf" + csv_of(ROW))
        assert TableImport.objects.get().counts == {"created": 1}

    @pytest.mark.parametrize(("name", "write"), [("a.xlsx", write_xlsx), ("a.json", write_json)])
    def test_items_in_other_files(self, client, curator, name, write):
        upload(client, write(table({key: value or None for key, value in ROW.items()})), name)
        assert TableImport.objects.get().counts == {"created": 1}

    def test_sources_from_bibtex(self, client, curator):
        page = upload(client, BIBTEX, "library.bib", "source").content.decode()
        assert "Row 4" in page and "<b>source_type</b>" in page
        step(client, TableImport.objects.get(), "partial")
        assert set(Source.objects.values_list("key", flat=True)) == {"10.1000/x_1", "arXiv:2001.08361", "example.org/p"}
        assert AuditEntry.objects.filter(action="source.import", actor=curator).exists()


class TestPeople:
    def test_only_the_uploader_takes_the_steps(self, client, curator):
        upload(client, csv_of(ROW))
        record = TableImport.objects.get()
        client.force_login(UserFactory(role="curator"))
        assert b'value="import"' not in client.get(page_of(record)).content
        for name in ("import", "partial", "discard"):
            assert "Only who uploaded the file" in step(client, record, name)[0][0]
        assert not Evidence.objects.exists() and TableImport.objects.filter(pk=record.pk).exists()

    @pytest.mark.parametrize("role", ["viewer", "analyst"])
    def test_others_have_no_import_and_no_export_here(self, client, curator, role):
        upload(client, csv_of(ROW))
        client.force_login(UserFactory(role=role))
        pages = [reverse("admin:evidence_evidence_import"), reverse("admin:evidence_source_import")]
        exports = [reverse("admin:evidence_evidence_export", args=["csv"]), page_of(TableImport.objects.get())]
        assert {client.get(page).status_code for page in (*pages, *exports)} <= {302, 403}
        assert "/login" in client.get(pages[0]).headers.get("Location", "/login")

    def test_a_discarded_file_is_gone_and_one_that_waits_too_long(self, client, curator):
        upload(client, csv_of(ROW))
        step(client, TableImport.objects.get(), "discard")
        assert not TableImport.objects.exists()
        upload(client, csv_of(ROW))
        assert files_forget() == 0
        TableImport.objects.update(created_at=timezone.now() - KEPT * 2)
        assert files_forget() == 1

    def test_an_import_is_done_once(self, client, curator):
        upload(client, csv_of({**ROW, "id": ""}))
        record = TableImport.objects.get()
        step(client, record, "import")
        assert step(client, record, "import")[0] == ["Nothing was written: The import is imported."]
        assert Evidence.objects.count() == 1

    def test_what_is_written_is_what_was_shown(self, client, curator):
        upload(client, csv_of(ROW))
        record = TableImport.objects.get()
        SourceFactory(url=ROW["source_url"], title="Another title")
        page = step(client, record, "import")[1].content.decode()
        record.refresh_from_db()
        assert record.status == "checked" and import_files.CHANGED in page
        assert not Evidence.objects.exists() and not AuditEntry.objects.filter(action="evidence.import").exists()
        step(client, record, "import")
        record.refresh_from_db()
        assert (record.status, record.fault, Evidence.objects.count()) == ("imported", "", 1)
        assert AuditEntry.objects.filter(action__endswith=".import").count() == 1
        assert AuditEntry.objects.get(action="evidence.import").details["file"] == "rows.csv"
        assert not AuditEntry.objects.filter(action="import.finish").exists()

    @pytest.mark.parametrize(
        ("status", "row", "theirs"),
        [
            ("approved", {"strength": "0.6"}, {"strength": 0.55}),
            ("approved", {"strength": "0.6"}, {"direction": "B"}),
            ("draft", {"description": "x" * 100 + "ours"}, {"description": "x" * 100 + "theirs"}),
        ],
        ids=["a revision", "a revision of something else", "the end of a long text"],
    )
    def test_what_a_colleague_wrote_meanwhile_is_not_written_over(self, client, curator, status, row, theirs):
        item = EvidenceFactory(public_id="H1-900", status=status, description="x" * 100 + "old")
        upload(client, csv_of({"id": "H1-900", **row}), reason="Ours.")
        record = TableImport.objects.get()
        item = evidence_edit(evidence=item, actor=UserFactory(role="curator"), changes=theirs, reason="Theirs.")
        page = step(client, record, "import")[1].content.decode()
        record.refresh_from_db()
        item.refresh_from_db()
        draft = item.open_revision or item
        assert (record.status, record.fault) == ("checked", import_files.CHANGED) and import_files.CHANGED in page
        assert {field: getattr(draft, field) for field in theirs} == theirs
        step(client, record, "import")
        record.refresh_from_db()
        assert record.status == "imported"

    def test_a_check_holds_no_hypotheses(self, client, curator):
        with CaptureQueriesContext(connection) as queries:
            upload(client, csv_of({**ROW, "id": ""}))
        locks = [q["sql"] for q in queries if "FOR UPDATE" in q["sql"] and "evidence_hypothesis" in q["sql"]]
        assert TableImport.objects.get().counts == {"created": 1} and not locks

    def test_the_page_of_a_long_import_takes_few_queries(self, client, curator):
        rows = [{**ROW, "id": f"H1-{900 + number}"} for number in range(120)]
        upload(client, csv_of(*rows))
        record = TableImport.objects.get()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = client.get(page_of(record), {"page": 3}).content.decode()
        assert len(queries) <= 10
        assert "Row 101" in page and "Row 100<" not in page


@pytest.fixture
def large(monkeypatch):
    """Every file is one for a worker, which shares the test's connection."""
    monkeypatch.setattr(jobs, "close_old_connections", lambda: None)
    monkeypatch.setattr(import_files, "SMALL_BYTES", 0)


@pytest.mark.usefixtures("large")
class TestWorker:
    def test_a_large_file_is_checked_and_imported_by_a_worker(self, client, curator):
        page = upload(client, csv_of(ROW, {**ROW, "id": "H1-901"})).content.decode()
        assert "Waiting for a worker" in page and 'id="import" hx-get' in page
        record = TableImport.objects.get()
        import_step(str(record.pk))
        record.refresh_from_db()
        assert (record.status, record.counts) == ("checked", {"created": 2})
        step(client, record, "import")
        assert not Evidence.objects.exists()
        import_step(str(record.pk))
        import_step(str(record.pk))  # asked twice, done once
        assert Evidence.objects.count() == 2
        record.refresh_from_db()
        assert record.content is None
        made = Evidence.objects.get(public_id="H1-900").history.get()
        assert made.request_id == record.request_id != ""
        assert 'id="import" hx-get' not in client.get(page_of(record)).content.decode()

    def test_what_a_worker_cannot_read_is_told_and_forgotten(self, client, curator):
        upload(client, "id,description\nx,caf\u00e9\n".encode("latin-1"))
        record = TableImport.objects.get()
        import_step(str(record.pk))
        record.refresh_from_db()
        assert (record.status, record.content) == ("failed", None)
        assert "Line 2 is not UTF-8" in client.get(page_of(record)).content.decode()

    def test_a_lost_worker_is_told_and_another_can_be_asked(self, client, curator):
        upload(client, csv_of(ROW))
        record = TableImport.objects.get()
        assert step(client, record, "retry")[0] == ["Nothing was written: A worker is at it, or will be."]
        django_rq.get_queue("default").empty()
        assert "The worker is lost" in client.get(page_of(record)).content.decode()
        step(client, record, "retry")
        assert "Waiting for a worker" in client.get(page_of(record)).content.decode()

    def test_a_worker_that_has_just_taken_the_step_is_not_lost(self, client, curator):
        upload(client, csv_of(ROW))
        record = TableImport.objects.get()
        queue = django_rq.get_queue("default")
        (job,) = queue.jobs
        queue.remove(job)
        job.set_status("started")
        for seconds, words in ((1, "Waiting for a worker"), (KEPT.total_seconds(), "The worker is lost")):
            job.started_at = timezone.now() - timedelta(seconds=seconds)
            job.save()
            assert words in client.get(page_of(record)).content.decode()

    def test_without_redis_nothing_is_left_at_work(self, client, curator, monkeypatch):
        def away(record):
            raise RedisError

        with monkeypatch.context() as patch:
            patch.setattr(import_files, "_ask_worker", away)
            upload(client, csv_of(ROW))
            assert not TableImport.objects.exists()
        upload(client, csv_of(ROW))
        record = TableImport.objects.get()
        import_step(str(record.pk))
        monkeypatch.setattr(import_files, "_ask_worker", away)
        step(client, record, "import")
        record.refresh_from_db()
        assert record.status == "checked"

    def test_a_worker_that_comes_late_ends_nothing(self, client, curator):
        upload(client, csv_of(ROW))
        late = TableImport.objects.get()
        import_step(str(late.pk))
        step_fail(record=late, fault="Too late.")
        late.refresh_from_db()
        assert (late.status, late.fault) == ("checked", "")

    def test_what_is_at_work_is_not_forgotten_and_its_rows_are_not_read(self, client, curator):
        upload(client, csv_of(ROW))
        record = TableImport.objects.get()
        TableImport.objects.update(created_at=timezone.now() - KEPT * 1.5)
        assert files_forget() == 0
        with CaptureQueriesContext(connection) as queries:
            client.get(page_of(record))
        assert not [q for q in queries if '"evidence_tableimport"."rows"' in q["sql"]]

    def test_how_far_it_is_can_be_seen(self, client, curator):
        upload(client, csv_of(ROW))
        record = TableImport.objects.get()
        import_files.rows_tell(record.pk)(2500 // 100 * 100)
        assert "2500 rows so far" in client.get(page_of(record)).content.decode()

    def test_a_fault_of_ours_leaves_nothing_half_written(self, client, curator, monkeypatch):
        upload(client, csv_of(ROW))
        record = TableImport.objects.get()
        import_step(str(record.pk))
        step(client, record, "import")

        def broken(**how):
            raise RuntimeError("broken after the rows were stored")

        monkeypatch.setattr(imports, "audit_record", broken)
        import_step(str(record.pk))
        record.refresh_from_db()
        assert (record.status, Evidence.objects.count(), Source.objects.count()) == ("failed", 0, 0)
        assert "nothing was written" in record.fault


class TestExport:
    def get(self, client, model, ending, **query):
        return client.get(reverse(f"admin:evidence_{model}_export", args=[ending]), query)

    def test_the_list_goes_out_with_its_filters_as_the_api_writes_it(self, client, curator):
        wanted, other = EvidenceFactory(direction="A"), EvidenceFactory(direction="B")
        response = self.get(client, "evidence", "csv", direction__exact="A")
        assert [row["id"] for row in read_csv(response.content).dict] == [wanted.public_id]
        found = self.get(client, "evidence", "json", q=other.public_id)
        assert [row["id"] for row in read_json(found.content).dict] == [other.public_id]
        api = client.get("/api/v1/evidence/export", {"format": "csv", "direction": "A"})
        assert api.content == response.content
        details = AuditEntry.objects.filter(action="evidence.export", actor=curator).values_list("details", flat=True)
        assert {"format": "csv", "rows": 1} in details

    @pytest.mark.parametrize("ending", ["csv", "xlsx", "json", "parquet", "bib", "ris"])
    def test_sources_in_every_format(self, client, curator, ending):
        SourceFactory(title="=cmd()")
        response = self.get(client, "source", ending)
        assert response.headers["Content-Disposition"] == f'attachment; filename="sources.{ending}"'
        assert AuditEntry.objects.get(action="source.export").details == {"format": ending, "rows": 1}
        if ending == "csv":
            assert b"'=cmd()" in response.content
        if ending == "xlsx":
            sheet = openpyxl.load_workbook(io.BytesIO(response.content)).active
            assert "'=cmd()" in [cell.value for cell in sheet[2]]

    def test_there_are_no_other_formats_and_filters(self, client, curator):
        assert self.get(client, "evidence", "bib").status_code == 404
        assert self.get(client, "evidence", "csv", colour="red").status_code == 302

    def test_an_export_takes_as_many_queries_for_many_items_as_for_few(self, client, curator):
        counts = []
        for number in (30, 60):
            EvidenceFactory.create_batch(number)
            with CaptureQueriesContext(connection) as queries:
                assert json.loads(self.get(client, "evidence", "json").content)
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 15

    def test_the_list_offers_import_and_export_with_its_filters(self, client, curator):
        page = client.get(reverse("admin:evidence_evidence_changelist"), {"direction__exact": "A"}).content.decode()
        assert "/admin/evidence/evidence/export/xlsx?direction__exact=A" in page
        assert 'href="/admin/evidence/evidence/import"' in page
