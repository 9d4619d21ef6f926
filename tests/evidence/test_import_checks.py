"""Checks of large tables: they tell what an import does, and hold up nobody."""

import os
import resource
import time
from pathlib import Path

import pytest
from django.db import connection, connections

from evidence.models import Evidence, Source
from evidence.services import imports
from evidence.services.imports import evidence_import
from tests.evidence.test_imports import ROW, table
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True), pytest.mark.sqlite]


@pytest.fixture
def rows():
    """New items, a change of a stored one, a refused one, and a change of the new items' source."""
    item = EvidenceFactory(public_id="H1-800", status="draft", strength=0.1)
    kept = {"source_url": item.source.url, "source_title": item.source.title, "source_publication_date": ""}
    changed = {**ROW, **kept, "source_type": "", "source_identifier": item.source.identifier, "id": "H1-800"}
    return [changed, ROW, {**ROW, "id": "H1-901", "source_title": "Another title"}, {**ROW, "id": "x", "strength": "2"}]


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr(imports, "FEW", 0)


@pytest.mark.usefixtures("many")
def test_others_write_while_a_table_is_checked(rows):
    source, curator, publishers = SourceFactory(publisher="Before"), UserFactory(role="curator"), []
    other = connection.copy()
    with other.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout = 0")

        def write(row):
            publishers.append(f"After row {row}")
            cursor.execute("UPDATE evidence_source SET publisher = %s WHERE id = %s", [publishers[-1], source.pk])

        answer = evidence_import(
            actor=curator, table=table(*rows), dry_run=True, reason="A larger sample.", progress=write
        )
    other.close()
    assert [row.outcome for row in answer.rows] == ["updated", "created", "created", "refused"]
    assert len(publishers) == len(rows) and Source.objects.get(pk=source.pk).publisher == publishers[-1]
    assert list(Evidence.objects.values_list("public_id", "strength")) == [("H1-800", 0.1)]
    assert Source.objects.count() == 2


def test_a_large_check_tells_what_a_small_one_tells_and_the_import_does(rows, monkeypatch):
    how = {"actor": UserFactory(role="curator"), "table": table(*rows), "reason": "A larger sample.", "partial": True}
    small = evidence_import(**how, dry_run=True)
    monkeypatch.setattr(imports, "FEW", 0)
    assert evidence_import(**how, dry_run=True) == small
    done = evidence_import(**how)
    assert (done.written, done.counts, done.rows) == (True, small.counts, small.rows)
    assert Evidence.objects.count() == 3


@pytest.mark.usefixtures("many")
def test_a_copy_lies_beside_the_database_while_it_is_needed(rows):
    stored, places = str(connection.settings_dict["NAME"]), set()
    evidence_import(
        actor=UserFactory(role="curator"),
        table=table(*rows),
        dry_run=True,
        progress=lambda row: places.add(Path(connections["default"].settings_dict["NAME"])),
    )
    if connection.vendor == "sqlite":
        (copy,) = places
        assert copy.parent.parent == Path(stored).parent and not copy.parent.exists()
    else:
        assert places == {Path(stored)}


@pytest.mark.usefixtures("many")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite's files are copied")
def test_what_a_killed_process_left_is_cleared_away(rows):
    beside = Path(connection.settings_dict["NAME"]).parent
    left, in_use = beside / "copy-left", beside / "copy-in-use"
    for folder in (left, in_use):
        folder.mkdir()
    os.utime(left, (0, 0))
    evidence_import(actor=UserFactory(role="curator"), table=table(*rows), dry_run=True)
    assert (left.exists(), in_use.exists()) == (False, True)
    in_use.rmdir()


@pytest.fixture
def no_room():
    """From when it is called on no file of this process gets as large as the database: a full disk, or a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            size = Path(connection.settings_dict["NAME"]).stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, hard))

    yield fill
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("many")
def test_where_there_is_no_room_for_a_copy_the_check_is_made_all_the_same(rows, no_room, caplog):
    curator, folder = UserFactory(role="curator"), Path(connection.settings_dict["NAME"]).parent
    no_room()
    answer = evidence_import(actor=curator, table=table(*rows), dry_run=True, reason="A larger sample.")
    assert [row.outcome for row in answer.rows] == ["updated", "created", "created", "refused"]
    assert list(Evidence.objects.values_list("public_id", "strength")) == [("H1-800", 0.1)]
    assert not list(folder.glob("copy-*"))
    assert ("cannot be copied" in caplog.text) == (connection.vendor == "sqlite")


@pytest.mark.usefixtures("many")
def test_a_fault_in_the_middle_gives_the_database_back(rows):
    def fail(row):
        raise ZeroDivisionError

    curator = UserFactory(role="curator")
    with pytest.raises(ZeroDivisionError):
        evidence_import(actor=curator, table=table(*rows), dry_run=True, progress=fail)
    began = time.monotonic()
    EvidenceFactory()
    assert Evidence.objects.count() == 2 and time.monotonic() - began < 10
