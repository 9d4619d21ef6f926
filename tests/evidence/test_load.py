"""Evidence files: `evidence_load` and the command `load_evidence`."""

import copy
import io
import json
import re

import pytest
from django.core.management import CommandError, call_command

from evidence.choices import EvidenceStatus
from evidence.documents import EvidenceError, parse_evidence
from evidence.management.commands.load_evidence import BASELINE
from evidence.models import Evidence, Source
from evidence.services.loads import Counts, evidence_load
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db

BASELINE_DOCUMENT = json.loads(BASELINE.read_text(encoding="utf-8"))


@pytest.fixture
def small():
    """The first three items of the baseline, to change at will."""
    return {**copy.deepcopy(BASELINE_DOCUMENT), "items": copy.deepcopy(BASELINE_DOCUMENT["items"][:3])}


def load(document, actor=None):
    return evidence_load(document=parse_evidence(document), actor=actor)


@pytest.mark.sqlite
def test_the_baseline_is_loaded_with_every_publication_once():
    result = load(BASELINE_DOCUMENT)
    assert (result.items, result.sources) == (Counts(120, 0, 0), Counts(112, 0, 0))
    assert Evidence.objects.approved().count() == 120
    for item in BASELINE_DOCUMENT["items"]:
        row = Evidence.objects.select_related("source", "hypothesis").get(public_id=item["id"])
        assert (row.hypothesis.code, row.direction, row.strength) == (
            item["hypothesis"],
            item["direction"],
            item["strength"],
        )
        assert {name: getattr(row, name) for name in item["quality_scores"]} == item["quality_scores"]
        stored = {name: getattr(row.source, name) for name in item["source"]}
        assert {**stored, "publication_date": str(row.source.publication_date)} == item["source"]
        assert (row.description, row.rationale, row.dependency_group) == (
            item["description"],
            item["rationale"],
            item["dependency_group"],
        )
        assert 0 < row.quality <= 1


@pytest.mark.sqlite
def test_a_second_load_changes_nothing_and_says_so():
    load(BASELINE_DOCUMENT)
    before = list(Evidence.objects.values()), list(Source.objects.values())
    result = load(BASELINE_DOCUMENT)
    assert (result.items, result.sources) == (Counts(0, 0, 120), Counts(0, 0, 112))
    assert (list(Evidence.objects.values()), list(Source.objects.values())) == before


def test_a_load_takes_few_queries(django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        load(BASELINE_DOCUMENT)


def test_what_changed_in_the_file_changes_in_the_database(small):
    load(small)
    actor = UserFactory()
    small["items"][0]["strength"] = 0.9
    small["items"][1]["source"]["publication_date"] = "2020-01-01"
    old_quality = Evidence.objects.get(public_id="H1-002").quality
    result = load(small, actor)
    assert (result.items, result.sources) == (Counts(0, 2, 1), Counts(0, 1, 2))
    changed = Evidence.objects.get(public_id="H1-001")
    assert (changed.strength, changed.updated_by) == (0.9, actor)
    assert Evidence.objects.get(public_id="H1-002").quality < old_quality


def test_a_reviewers_decision_outlives_another_load(small):
    load(small)
    Evidence.objects.filter(public_id="H1-001").update(status=EvidenceStatus.RETIRED)
    small["items"][0]["strength"] = 0.9
    load(small)
    assert Evidence.objects.get(public_id="H1-001").status == EvidenceStatus.RETIRED


def test_a_publication_known_by_its_address_is_not_stored_twice(small):
    url = small["items"][0]["source"]["url"]
    SourceFactory(key="old-name", url=url)
    load(small)
    assert Evidence.objects.get(public_id="H1-001").source.key == "old-name"
    assert Source.objects.filter(url=url).count() == 1


def test_items_that_the_file_does_not_mention_stay(small):
    other = EvidenceFactory()
    load(small)
    assert Evidence.objects.filter(pk=other.pk).exists()


FAULTS = {
    "unknown key": (lambda d: d["items"][1].update(colour="red"), "items[1].colour: unknown key"),
    "missing key": (lambda d: d["items"][1].pop("strength"), "items[1].strength: missing key"),
    "missing score": (
        lambda d: d["items"][0]["quality_scores"].pop("replication"),
        "items[0].quality_scores.replication: missing key",
    ),
    "out of range": (lambda d: d["items"][2].update(strength=1.5), "items[2].strength: should be less than or equal"),
    "a NaN": (lambda d: d["items"][2].update(strength=float("nan")), "items[2].strength: must be a finite number"),
    "a number as text": (lambda d: d["items"][2].update(strength="0.5"), "items[2].strength: should be a valid number"),
    "bad date": (
        lambda d: d["items"][0]["source"].update(publication_date="2024-02-30"),
        "items[0].source.publication_date: should be a valid date",
    ),
    "unknown hypothesis": (
        lambda d: d["items"][1].update(hypothesis="H9"),
        "items[1].hypothesis: unknown hypothesis 'H9'; known are H1, H2, H3, H4, H5, H6",
    ),
    "bad direction": (lambda d: d["items"][1].update(direction="C"), "items[1].direction: should be 'A' or 'B'"),
    "bad type": (
        lambda d: d["items"][1]["source"].update(source_type="blog"),
        "items[1].source.source_type: should be",
    ),
    "bad id": (lambda d: d["items"][1].update(id="a b"), "items[1].id: must be 1 to 64 letters"),
    "duplicate id": (
        lambda d: d["items"][2].update(id="H1-001"),
        "items[2].id: duplicate id 'H1-001', first in items[0]",
    ),
    "empty description": (lambda d: d["items"][1].update(description=""), "items[1].description: must not be empty"),
    "a NUL": (lambda d: d["items"][1].update(rationale="a\x00b"), "items[1].rationale: must not contain the character"),
    "script as address": (
        lambda d: d["items"][1]["source"].update(url="javascript:alert(1)"),
        "items[1].source.url: must start with https://",
    ),
    "a source nobody can find": (
        lambda d: d["items"][1]["source"].update(url="", identifier=""),
        "items[1].source: needs a url or an identifier",
    ),
    "one address, two titles": (
        lambda d: d["items"][2].update(source={**d["items"][0]["source"], "title": "Another", "identifier": ""}),
        "items[2].source: the same url as in items[0], but another title and identifier",
    ),
    "one identifier, two dates": (
        lambda d: d["items"][2].update(source={**d["items"][0]["source"], "publication_date": "2021-01-01"}),
        "items[2].source: the same identifier as in items[0], but another publication_date",
    ),
    "an id that is an address": (lambda d: d["items"][1].update(id="export"), "items[1].id: This name is not free."),
    "no server in the address": (
        lambda d: d["items"][1]["source"].update(url="https://nowhere"),
        "items[1].source.url: Enter a valid URL.",
    ),
    "another scheme": (
        lambda d: d["items"][1]["source"].update(url="ftp://example.org/a"),
        "items[1].source.url: must start with https://",
    ),
    "a year too early": (
        lambda d: d["items"][1]["source"].update(publication_date="0202-01-01"),
        "items[1].source.publication_date: Should lie between 1900-01-01 and a year from now",
    ),
    "a year to come": (
        lambda d: d["items"][1]["source"].update(publication_date="9999-01-01"),
        "items[1].source.publication_date: Should lie between 1900-01-01 and a year from now",
    ),
    "an identifier that cannot be": (
        lambda d: d["items"][1]["source"].update(identifier="arXiv:2001.99"),
        "items[1].source.identifier: An arXiv number looks like",
    ),
    "no items": (lambda d: d.update(items=[]), "items: must not be empty"),
    "another schema": (lambda d: d.update(schema="aifutures.model/1"), "schema: should be 'aifutures.evidence/1'"),
}


@pytest.mark.parametrize(("spoil", "words"), FAULTS.values(), ids=FAULTS)
def test_a_broken_file_is_refused_whole_with_the_place_of_the_fault(small, spoil, words):
    spoil(small)
    with pytest.raises(EvidenceError) as caught:
        load(json.dumps(small))
    assert [str(fault) for fault in caught.value.faults if str(fault).startswith(words)], caught.value
    assert not Evidence.objects.exists()
    assert not Source.objects.exists()


def test_every_fault_is_named(small):
    small["items"][0]["strength"] = -1
    small["items"][1]["colour"] = "red"
    del small["items"][2]["id"]
    with pytest.raises(EvidenceError) as caught:
        parse_evidence(small)
    assert [fault.path for fault in caught.value.faults] == ["items[0].strength", "items[1].colour", "items[2].id"]


def test_a_source_that_stands_for_two_stored_ones_is_refused(small):
    source = small["items"][0]["source"]
    SourceFactory(key="by-address", url=source["url"])
    SourceFactory(key="by-identifier", identifier=source["identifier"])
    with pytest.raises(EvidenceError, match=r"items\[0\].source: stands for more than one stored source"):
        load(small)


def test_two_sources_that_stand_for_one_stored_source_are_refused(small):
    one, other = small["items"][0]["source"], small["items"][1]["source"]
    SourceFactory(key="both", url=one["url"], identifier=other["identifier"])
    with pytest.raises(EvidenceError, match=r"items\[1\].source: is that of items\[0\], 'both', described in another"):
        load(small)


def test_a_publication_that_the_file_writes_in_two_forms_is_refused(small):
    small["items"][1]["source"] |= {"url": "https://doi.org/10.1000/ABC", "identifier": ""}
    small["items"][2]["source"] |= {"url": "", "identifier": "doi:10.1000/abc"}
    with pytest.raises(
        EvidenceError, match=r"items\[2\].source: is that of items\[1\], 'doi.org/10.1000/ABC', described"
    ):
        load(small)


def test_a_publication_is_known_however_it_is_written(small):
    SourceFactory(key="old-name", url="", identifier="10.1000/abc")
    small["items"][0]["source"] |= {"url": "https://doi.org/10.1000/ABC", "identifier": "doi:10.1000/ABC"}
    assert load(small).sources == Counts(2, 1, 0)
    assert Evidence.objects.get(public_id="H1-001").source.key == "old-name"


def test_the_name_of_a_group_is_stored_as_everywhere(small):
    small["items"][0]["dependency_group"] = "Zu\u0308rich\u00a0 lab"
    load(small)
    assert Evidence.objects.get(public_id="H1-001").dependency_group == "Z\u00fcrich lab"
    assert load(small).items == Counts(0, 0, 3)


def test_a_file_too_large_is_not_even_read(monkeypatch):
    monkeypatch.setattr("evidence.documents.MAX_BYTES", 10)
    with pytest.raises(EvidenceError, match="larger than 10 bytes"):
        parse_evidence(b"[" * 11)


class TestCommand:
    def run(self, *arguments):
        out = io.StringIO()
        call_command("load_evidence", *arguments, stdout=out)
        return out.getvalue()

    def test_names_every_row_that_single_writing_would_refuse(self, small, tmp_path, capsys):
        small["items"][0]["id"] = "import"
        small["items"][2]["source"]["publication_date"] = "1066-10-14"
        file = tmp_path / "evidence.json"
        file.write_text(json.dumps(small))
        with pytest.raises(SystemExit) as caught:
            self.run(str(file))
        first, second = capsys.readouterr().err.splitlines()
        assert caught.value.code == 2
        assert first == "evidence.json: items[0].id: This name is not free."
        assert second.startswith("evidence.json: items[2].source.publication_date: Should lie between")
        assert not Evidence.objects.exists()

    def test_loads_the_projects_own_file_and_says_what_it_did(self):
        assert "120 created, 0 updated, 0 unchanged" in self.run()
        assert "0 created, 0 updated, 120 unchanged" in self.run()

    @pytest.mark.parametrize("content", ["", "no JSON", "[]", "{", '{"schema": "aifutures.evidence/1"}', "\udcff"])
    def test_bad_content_is_exit_status_2_with_one_line_per_fault(self, tmp_path, capsys, content):
        file = tmp_path / "evidence.json"
        file.write_bytes(content.encode(errors="surrogateescape"))
        with pytest.raises(SystemExit) as caught:
            self.run(str(file))
        assert caught.value.code == 2
        lines = capsys.readouterr().err.splitlines()
        assert lines
        assert all(re.match(r"evidence\.json: \S", line) for line in lines)

    @pytest.mark.parametrize("name", ["missing.json", "."])
    def test_a_file_that_cannot_be_read_is_exit_status_2(self, tmp_path, name):
        with pytest.raises(CommandError, match="Cannot read") as caught:
            self.run(str(tmp_path / name))
        assert caught.value.returncode == 2
