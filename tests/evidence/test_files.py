"""Files of tables from spreadsheet programs and reference managers, in and out."""

import io
import json
import zipfile
from datetime import date, datetime

import openpyxl
import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tablib import Dataset

from evidence import spreadsheets
from evidence.files import FORMATS, RESOURCES, TableKind, table_read
from evidence.models import Source
from evidence.resources import EvidenceResource, SourceResource
from evidence.services.exports import export_make
from evidence.services.imports import evidence_import, source_import
from evidence.services.sources import DETAILS
from evidence.spreadsheets import read_xlsx, write_xlsx
from evidence.tables import numbers_of, write_csv
from tests.evidence.test_imports import ROW
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

BIBTEX = rb"""
@string{mag = "Magazine"}
@article{one, title={A {Study} of {\"o}rder \& chaos}, author={Doe, Jane and {Barnes and Noble}}, journal=mag,
  year=2024, month=mar, doi={10.1000/x_1}, url={https://example.org/a%20b_c}}
@misc{two, title={Scaling}, eprint={2001.08361}, archivePrefix={arXiv}, year={2020}}
@techreport{one, title={Plans}, institution={Office}, type={Government study}, date={2023-05-17}, url={https://example.org/p}}
@online{four, title={Post}, year={2022}, url={https://example.org/post}}
"""
RIS = """TY  - JOUR
TI  - A study of order
AU  - Doe, Jane
AU  - Roe, Richard
PY  - 2024/03/01/
DO  - 10.1000/x1
PB  - Press
ER  -

TY  - RPRT
T1  - Plans
M3  - Government study
Y1  - 2023
UR  - https://example.org/p
ER  -
"""


def book(*rows, change=lambda sheet: None):
    out, made = io.BytesIO(), openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    change(made.active)
    made.save(out)
    return out.getvalue()


class TestSpreadsheets:
    def test_cells_come_as_the_text_that_csv_would_have(self):
        day = datetime(2024, 3, 1)
        table = read_xlsx(book(["id", "a", "b", "c"], ["x", 0.625, 5.0, day], [], [None, True, "'=1+1", None]))
        assert table.headers == ["id", "a", "b", "c"]
        assert list(table) == [("x", "0.625", "5", "2024-03-01"), ("", "True", "=1+1", "")]

    def test_no_cell_that_is_written_is_a_formula(self):
        texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "plain", "'=1", "#N/A", "#REF!", "a\x01b"]
        raw = write_xlsx(Dataset(*[[text, 0.5, date(2024, 3, 1)] for text in texts], headers=["t", "n", "d"]))
        cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(raw)).active.iter_rows(min_row=2)]
        assert {cell.data_type for cell in cells} == {"s"}
        assert not [cell.value for cell in cells if cell.value[0] in "=+-@\t\r"]
        assert [row["t"] for row in read_xlsx(raw).dict] == [*texts[:-1], "a\ufffdb"]

    @pytest.mark.parametrize(
        ("raw", "words"),
        [
            (lambda: book(["id", "strength"], ["x", "=1+1"]), "Row 1, column strength: holds a formula"),
            (lambda: book(["id", "strength"], ["x", 1], ["y", "#REF!"]), "Row 2, column strength: holds the error"),
            (lambda: book(["id"], ["x", "y"]), "Row 1 has 2 cells, the row of column names has 1"),
            (lambda: book(["id", "id"], ["x", "y"]), "twice: id"),
            (lambda: book(["id"]), "no rows"),
            (lambda: book([f"c{n}" for n in range(65)], ["x"]), "more than 64 columns"),
            (lambda: book(["id"], *[["x"]] * 10_001), "more than 10,000 rows"),
            (lambda: b"not a workbook", "not an XLSX workbook"),
            (lambda: b"x" * 20_000_001, "larger than"),
            (lambda: zipped(("xl/workbook.xml", b"<a/>")), "not a readable XLSX"),
        ],
        ids=["formula", "error", "ragged", "twice", "empty", "wide", "long", "no archive", "big", "no workbook"],
    )
    def test_bad_workbooks_are_refused_in_words(self, raw, words):
        with pytest.raises(ValidationError, match=words):
            read_xlsx(raw())

    def test_rows_have_the_numbers_that_they_have_in_the_sheet(self):
        raw = book([], ["id", "a"], [], ["x", 1], [], [], ["y", 2])
        assert list(numbers_of(read_xlsx(raw))) == [2, 5]
        with pytest.raises(ValidationError, match="Row 5, column a: holds a formula"):
            read_xlsx(book([], ["id", "a"], [], ["x", 1], [], [], ["y", "=1"]))

    def test_a_wrong_dimension_hides_no_rows(self):
        raw = changed(book(["id", "a"], ["x", 1], ["y", 2]), b'<dimension ref="A1:B3"', b'<dimension ref="A1:A2"')
        assert list(read_xlsx(raw)) == [("x", "1"), ("y", "2")]

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            (b"999999999999", "row 999999999999 after row 1;"),
            (b"1048577", "row 1048577 after row 1;"),
            (b"1", "row 1 after row 1;"),
            (b"no", "not a readable"),
        ],
    )
    def test_rows_that_no_sheet_has_are_refused(self, row, words):
        with pytest.raises(ValidationError, match=words):
            read_xlsx(changed(book(["id"], ["x"]), b'<row r="2"', b'<row r="%b"' % row))

    def test_the_last_row_of_a_sheet_is_read(self):
        raw = changed(book(["id"], ["x"]), b'<row r="2"', b'<row r="1048576"')
        assert list(read_xlsx(raw)) == [("x",)]

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            (b"</row></sheetData>", b"<c/>" * 70_000 + b"</row></sheetData>", "too many cells in row 2"),
            (b"</row></sheetData>", b"<c><is>" + b"<r/>" * 70_000 + b"</is></c></row></sheetData>", "cells in row 2"),
            (b"</worksheet>", b"<a/>" * 70_000 + b"</worksheet>", "too many cells"),
        ],
        ids=["cells", "in a cell", "after the rows"],
    )
    def test_trees_that_would_fill_the_memory_are_not_made(self, old, new, words):
        with pytest.raises(ValidationError, match=words):
            read_xlsx(changed(book(["id"], ["x"]), old, new))

    def test_a_sheet_of_very_many_elements_is_refused(self, monkeypatch):
        monkeypatch.setattr(spreadsheets, "MAX_ELEMENTS", 1000)
        assert len(read_xlsx(book(["id"], *[["x"]] * 100))) == 100
        with pytest.raises(ValidationError, match="far too many cells"):
            read_xlsx(book(["id"], *[["x"]] * 500))

    @pytest.mark.parametrize("part", ["xl/styles.xml", "xl/workbook.xml", "_rels/.rels", "[Content_Types].xml"])
    def test_parts_that_belong_to_no_table_are_small(self, part):
        raw = changed(book(["id"], ["x"]), b"</", b" " * 4_000_000 + b"</", part)
        with pytest.raises(ValidationError, match="put the table alone"):
            read_xlsx(raw)

    def test_a_bomb_is_not_unpacked(self):
        raw = zipped(*[(f"xl/{n}.xml", b" " * 50_000_000) for n in range(3)])
        assert len(raw) < 1_000_000
        with pytest.raises(ValidationError, match=r"unpacks to 150,000,000 bytes; at most 100,000,000"):
            read_xlsx(raw)

    def test_entities_are_not_expanded(self):
        good = book(["id"], ["x"])
        parts = zipfile.ZipFile(io.BytesIO(good))
        lol = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
        evil = zipped(*[(name, lol + parts.read(name).partition(b"?>")[2]) for name in parts.namelist()])
        with pytest.raises(ValidationError, match=r"entities|not a readable"):
            read_xlsx(evil)


def changed(raw, old, new, part="xl/worksheets/sheet1.xml"):
    """The workbook with something else in a part of it."""
    parts = zipfile.ZipFile(io.BytesIO(raw))
    assert old in parts.read(part)
    texts = {name: parts.read(name) for name in parts.namelist()}
    texts[part] = texts[part].replace(old, new, 1)
    return zipped(*texts.items())


def zipped(*parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            archive.writestr(name, content)
    return out.getvalue()


class TestBibliographies:
    def test_bibtex_is_read_as_people_write_it(self):
        rows = table_read(TableKind.SOURCES, "a.bib", BIBTEX).dict
        assert rows[0] == {
            "key": "",
            "title": "A Study of örder & chaos",
            "authors": "Doe, Jane; Barnes and Noble",
            "publisher": "Magazine",
            "source_type": "academic_paper",
            "publication_date": "2024-03-01",
            "url": "https://example.org/a%20b_c",
            "identifier": "10.1000/x_1",
        }
        told = [(row["source_type"], row["publication_date"], row["identifier"]) for row in rows[1:]]
        assert told == [
            ("academic_paper", "2020-01-01", "arXiv:2001.08361"),
            ("government_study", "2023-05-17", ""),
            ("", "2022-01-01", ""),
        ]

    def test_ris_is_read(self):
        rows = table_read(TableKind.SOURCES, "a.ris", RIS.encode()).dict
        assert [list(row.values())[1:] for row in rows] == [
            ["A study of order", "Doe, Jane; Roe, Richard", "Press", "academic_paper", "2024-03-01", "", "10.1000/x1"],
            ["Plans", "", "", "government_study", "2023-01-01", "https://example.org/p", ""],
        ]

    @pytest.mark.parametrize(
        ("number", "identifier"),
        [
            ("1234-5678", ""),
            ("1234-567X", ""),
            ("978-0-262-03384-8", "ISBN 978-0-262-03384-8"),
            ("0306406152", "ISBN 0306406152"),
        ],
    )
    def test_of_serial_numbers_only_an_isbn_identifies(self, number, identifier):
        raw = f"TY  - JOUR\nTI  - A\nSN  - {number}\nER  -\n".encode()
        assert table_read(TableKind.SOURCES, "a.ris", raw).dict[0]["identifier"] == identifier

    @pytest.mark.parametrize("ending", ["bib", "ris"])
    def test_braces_come_back(self, ending):
        row = ["", "A", "", "", "think_tank", date(2024, 1, 1), "https://example.org/{a}\\", "No. {1"]
        table = Dataset(row, row, headers=["key", *DETAILS])
        rows = table_read(
            TableKind.SOURCES, f"a.{ending}", FORMATS[TableKind.SOURCES][ending].write(table, SourceResource)
        )
        url = "https://example.org/%7Ba%7D%5C" if ending == "bib" else row[-2]
        assert [(row["url"], row["identifier"]) for row in rows.dict] == [(url, "No. {1")] * 2

    def test_a_string_may_be_there_twice_if_it_says_the_same(self):
        text = b"@string{m = {Mag}}\n@string{m = {%b}}\n@article{a, title={x}, journal=m}\n"
        assert table_read(TableKind.SOURCES, "a.bib", text % b"Mag").dict[0]["publisher"] == "Mag"
        with pytest.raises(ValidationError, match="Line 2: the @string m is there twice"):
            table_read(TableKind.SOURCES, "a.bib", text % b"Other")

    def test_faults_of_a_file_do_not_flood_the_log(self, caplog):
        text = b"@article{a, title={\\nosuch{ } $x \\begin{y}}}\n@article{b, title={x\n"
        with pytest.raises(ValidationError, match="Line 2"):
            table_read(TableKind.SOURCES, "a.bib", text)
        assert not caplog.records

    @pytest.mark.parametrize(
        ("name", "raw", "words"),
        [
            ("a.bib", b"@article{a, title={x}}\n\n@article{broken, title={x\n", "Line 3"),
            ("a.bib", b"plain words", "no rows"),
            ("a.ris", b"plain words", "no rows"),
            ("a.bib", "@article{a, title={caf\u00e9}}".encode("latin-1"), "Line 1 is not UTF-8"),
            ("a.ris", b"\xff\xfe", "not UTF-8"),
            ("a.pdf", b"", "should end in one of .csv, .xlsx, .json, .bib, .ris"),
            ("a", b"", "should end in"),
        ],
    )
    def test_files_that_are_none_are_refused_in_words(self, name, raw, words):
        with pytest.raises(ValidationError, match=words):
            table_read(TableKind.SOURCES, name, raw)


@pytest.mark.django_db
class TestRoundTrips:
    @pytest.mark.parametrize("ending", ["csv", "xlsx", "json", "bib", "ris"])
    def test_sources_come_back_as_they_were_and_make_the_same_elsewhere(self, ending):
        curator = UserFactory(role="curator")
        call_command("load_evidence", stdout=io.StringIO())
        SourceFactory(title="=HYPERLINK(1) & 50 % {of} \\it #1_a $x_2$ ~", authors="A, B; C and D", identifier="X-17")
        fields = ("title", "authors", "publisher", "source_type", "publication_date", "url", "identifier")
        before = set(Source.objects.values_list(*fields))
        file = export_make(actor=curator, kind=TableKind.SOURCES, rows=Source.objects.order_by("pk"), format=ending)
        answer = source_import(actor=curator, table=table_read(TableKind.SOURCES, file.name, file.content))
        assert answer.counts == {"unchanged": len(before)}, [row for row in answer.rows if row.outcome != "unchanged"]
        Source.objects.filter(items__isnull=True).delete()
        for source in Source.objects.all():
            source.items.all().delete()
            source.delete()
        answer = source_import(actor=curator, table=table_read(TableKind.SOURCES, file.name, file.content))
        assert answer.counts == {"created": len(before)}, [row for row in answer.rows if row.outcome != "created"]
        after = set(Source.objects.values_list(*fields))
        if ending in ("bib", "ris"):  # a DOI in a field of its own is written without "doi:"
            before, after = ({(*row[:6], row[6].removeprefix("doi:")) for row in rows} for rows in (before, after))
        assert after == before

    def test_items_by_way_of_a_workbook(self):
        curator = UserFactory(role="curator")
        EvidenceFactory(recency=0.1 + 0.2, description="=cmd()", rationale="<b>bold</b>")
        EvidenceFactory(source=SourceFactory(identifier="ISBN 9780262035613"))
        items = RESOURCES[TableKind.ITEMS]().get_queryset().order_by("pk")
        file = export_make(actor=curator, kind=TableKind.ITEMS, rows=items, format="xlsx")
        answer = evidence_import(actor=curator, table=table_read(TableKind.ITEMS, file.name, file.content))
        assert answer.counts == {"unchanged": 2}, answer.rows

    def test_every_format_has_the_same_columns(self):
        table = EvidenceResource().export([])
        assert set(table.headers) == set(EvidenceResource.types())
        assert set(SourceResource().export([]).headers) == set(SourceResource.types())
        assert json.loads(FORMATS[TableKind.SOURCES]["json"].write(SourceResource().export([]), SourceResource)) == []

    def test_sources_are_found_by_any_mark_and_named_twice_only_once(self):
        curator = UserFactory(role="curator")
        stored = SourceFactory(url="https://example.org/a", title="Old", identifier="10.1000/a")
        head = ["key", "title", "source_type", "publication_date", "url", "identifier"]
        row = ["", "New", "think_tank", "2024-01-01", "", "doi:10.1000/A"]
        again = ["", "New", "", "", "http://www.example.org/a/", ""]
        new = ["told", "Fresh", "think_tank", "2024-01-01", "https://example.org/f", ""]
        table = Dataset(row, again, new, new, headers=head)
        answer = source_import(actor=curator, table=table, partial=True)
        assert [each.outcome for each in answer.rows] == ["updated", "refused", "created", "refused"]
        assert "in row 1 already" in answer.rows[1].errors[0].message
        assert "in row 3 already" in answer.rows[3].errors[0].message
        assert "'told' is not taken" in answer.rows[2].warnings[0]
        stored.refresh_from_db()
        assert (stored.title, stored.identifier, stored.source_type) == ("New", "10.1000/a", "think_tank")

    @pytest.mark.parametrize(
        ("raw", "date_and_type"),
        [
            (b"@article{x, title={T}, year={2024}, doi={10.1000/x}}", ("2024-05-17", "industry_report")),
            (b"@article{x, title={T}, year={2024}, month=may, doi={10.1000/x}}", ("2024-05-17", "industry_report")),
            (b"@article{x, title={T}, year={2024}, month=jun, doi={10.1000/x}}", ("2024-06-01", "industry_report")),
            (b"@article{x, title={T}, date={2024-05-18}, doi={10.1000/x}}", ("2024-05-18", "industry_report")),
            (b"@article{x, title={T}, year={2023}, doi={10.1000/x}}", ("2023-01-01", "industry_report")),
            (b"@report{x, title={T}, type={Government study}, doi={10.1000/x}}", ("2024-05-17", "government_study")),
        ],
    )
    def test_what_a_bibliography_only_suggests_changes_nothing_stored(self, raw, date_and_type):
        stored = SourceFactory(
            title="T", identifier="10.1000/x", publication_date="2024-05-17", source_type="industry_report"
        )
        source_import(actor=UserFactory(role="curator"), table=table_read(TableKind.SOURCES, "a.bib", raw))
        stored.refresh_from_db()
        assert (str(stored.publication_date), stored.source_type) == date_and_type

    def test_an_identifier_is_added_to_a_source_known_by_its_address(self):
        stored = SourceFactory(url="https://doi.org/10.1000/abc")
        table = Dataset([stored.key, "10.1000/abc"], headers=["key", "identifier"])
        for outcome in ("updated", "unchanged"):
            assert source_import(actor=UserFactory(role="curator"), table=table).counts == {outcome: 1}
        stored.refresh_from_db()
        assert stored.identifier == "10.1000/abc"

    @pytest.mark.parametrize("ending", ["bib", "ris"])
    def test_an_isbn_comes_back_as_the_same(self, ending):
        curator = UserFactory(role="curator")
        for identifier in ("978-0-262-03384-8", "ISBN-10: 0-306-40615-2"):
            SourceFactory(identifier=identifier)
        file = export_make(actor=curator, kind=TableKind.SOURCES, rows=Source.objects.all(), format=ending)
        answer = source_import(actor=curator, table=table_read(TableKind.SOURCES, file.name, file.content))
        assert answer.counts == {"unchanged": 2}, answer.rows

    def test_a_refused_row_takes_neither_id_nor_publication(self):
        curator = UserFactory(role="curator")
        bad, good = list({**ROW, "strength": "1.5"}.values()), list(ROW.values())
        answer = evidence_import(actor=curator, table=Dataset(bad, good, good, headers=list(ROW)), partial=True)
        assert [row.outcome for row in answer.rows] == ["refused", "created", "refused"]
        assert "in row 2 already" in answer.rows[2].errors[0].message
        stored = SourceFactory(url="https://example.org/a")
        head, place = ["key", "title", "publication_date"], stored.key
        rows = [[place, "", "1200-01-01"], [place, "New", ""], [place, "Newer", ""]]
        answer = source_import(actor=curator, table=Dataset(*rows, headers=head), partial=True)
        assert [row.outcome for row in answer.rows] == ["refused", "updated", "refused"]

    def test_many_changed_sources_are_compared_with_one_read_of_the_table(self):
        curator = UserFactory(role="curator")
        sources = SourceFactory.create_batch(5)
        rows = [[source.key, f"https://example.org/new/{number}"] for number, source in enumerate(sources)]
        with CaptureQueriesContext(connection) as queries:
            answer = source_import(actor=curator, table=Dataset(*rows, headers=["key", "url"]))
        assert answer.counts == {"updated": 5}
        whole = [q["sql"] for q in queries if 'FROM "evidence_source"' in q["sql"] and "WHERE" not in q["sql"]]
        assert len(whole) == 1

    def test_an_address_that_a_source_gave_up_is_free_for_a_later_row(self):
        curator = UserFactory(role="curator")
        one, two = SourceFactory(url="https://example.org/1"), SourceFactory(url="https://example.org/2")
        rows = [[one.key, "https://example.org/3"], [two.key, "https://example.org/1"]]
        answer = source_import(actor=curator, table=Dataset(*rows, headers=["key", "url"]))
        assert answer.counts == {"updated": 2}, answer.rows

    def test_a_preview_tells_what_changes(self):
        curator = UserFactory(role="curator")
        EvidenceFactory(public_id="H1-900", status="draft", source=SourceFactory(url="https://example.org/findings"))
        text = write_csv(Dataset(list(ROW.values()), headers=list(ROW))).replace(b"0.5", b"0.75", 1)
        table = table_read(TableKind.ITEMS, "a.csv", text)
        answer = evidence_import(actor=curator, table=table, dry_run=True, reason="New data.")
        told = {change.column: (change.before, change.after) for change in answer.rows[0].changes}
        assert told["strength"] == ("0.5", "0.75")
        assert told["source_type"] == ("academic_paper", "think_tank")
        assert "authority" not in told
