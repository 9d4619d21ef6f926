"""sensitivity and influence as people type them."""

import csv
import io
import json
import math

import pytest
from django.core.management import CommandError, call_command

from analysis.management.commands import influence
from analysis.services.model_documents import PUBLISHED_STUDY
from tests.processes import environment, manage


def output_of(*args, **options):
    stdout = io.StringIO()
    call_command(*args, stdout=stdout, stderr=io.StringIO(), **options)
    return stdout.getvalue()


@pytest.mark.parametrize("method", ["sobol", "morris", "local", "value_of_information"])
def test_a_study_is_a_table_and_a_file_without_a_database(method, tmp_path):
    written = tmp_path / "study.json"
    sizes = [] if method == "local" else ["--samples", "8"]
    text = output_of("sensitivity", method, str(PUBLISHED_STUDY), *sizes, "--output", str(written))
    study = json.loads(written.read_text())
    assert study["method"] == method
    assert study["ranking"][0] in text
    assert study["metadata"]["study_hash"][:16] in text


def test_rows_hold_every_number_of_the_study(tmp_path):
    written = tmp_path / "study.csv"
    options = ["--parameter", "posterior:*", "--parameter", "prior:H1=0.2..0.8", "--group", "beliefs=posterior:*"]
    output_of("sensitivity", "sobol", str(PUBLISHED_STUDY), *options, "--samples", "16", "--output", str(written))
    rows = list(csv.DictReader(io.StringIO(written.read_text())))
    assert {row["parameter"] for row in rows} == {"beliefs", "prior:H1"}
    assert {row["measure"] for row in rows} == {"first_order", "total_order", "interaction"}
    assert [row["with"] for row in rows if row["measure"] == "interaction"] == ["prior:H1"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--parameter", "prior:H1=0.2"], "--parameter 'prior:H1=0.2': must look like prior:H1=0.2..0.8"),
        (["--parameter", "prior:H1=0.2..-.."], "must look like"),
        (["--group", "alone"], "--group 'alone': must look like"),
        (["--of", "entropy@1999"], "output: the year must lie in 2025 to 2050"),
        (["--samples", "7"], "samples: must be a power of two"),
        (["--threads", "0"], "--threads: must be 1 to 1024, not 0"),
        (["--output", "study.txt"], "--output study.txt: must end with .json or .csv"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(options, named):
    with pytest.raises(CommandError) as refused:
        output_of("sensitivity", "sobol", str(PUBLISHED_STUDY), *options)
    assert named in str(refused.value)
    assert refused.value.returncode == 2


def test_what_is_no_number_is_never_written(tmp_path, monkeypatch):
    monkeypatch.setattr(influence, "evidence_influence", lambda *_, **__: {"output": math.nan})
    monkeypatch.setattr(influence.tables, "summary", lambda found: "")
    with pytest.raises(ValueError, match="not JSON compliant"):
        output_of("influence", str(PUBLISHED_STUDY), "--output", str(tmp_path / "found.json"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["paths", "clusters"])
def test_without_a_database_there_is_a_line_on_what_to_do(command, tmp_path):
    done = manage(command, env=environment(tmp_path))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("CommandError: no database to read from (no such table: ")
    assert line.endswith("): run `make demo`, or give a MODEL.json")


def test_without_a_database_two_files_can_be_compared(tmp_path):
    env = environment(tmp_path, DATABASE_URL="postgres://nobody@127.0.0.1:1/none", SECRET_KEY="x" * 60)
    done = manage("compare", "abcdef", "abcdef", env=env)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("CommandError: no database to read from (")
    assert line.endswith("run `make demo`, or name two files that --output of a run wrote")


def test_what_the_evidence_says_cannot_steer_the_terminal(tmp_path):
    document = json.loads(PUBLISHED_STUDY.read_text())
    scores = dict.fromkeys(("authority", "methodology", "recency", "replication"), 0.9)
    document["evidence"] = [
        {
            "id": f"E{number}\x1b[2J",
            "hypothesis": "H1",
            "direction": "A",
            "strength": 0.9,
            "quality_scores": scores,
            "publication_date": "2024-01-01",
            "dependency_group": "group\x9b1m\u202e",
            "source": "a source\n" + "of many words " * 50,
            "source_type": "type\x1b[31m" * 50,
        }
        for number in range(2)
    ]
    model = tmp_path / "model.json"
    model.write_text(json.dumps(document))
    for text in (output_of("influence", str(model)), output_of("robustness", str(model), "--iterations", "4096")):
        assert all(line.isprintable() for line in text.replace("\u202f", " ").splitlines())
        assert all(line == line.rstrip() and len(line) < 250 for line in text.splitlines())
        assert "\\x1b[" in text


@pytest.mark.django_db
def test_influence_of_the_evidence_that_ships(tmp_path):
    output_of("load_evidence")
    written = tmp_path / "influence.json"
    text = output_of("influence", "--of", "hypothesis:H1", "--output", str(written))
    report = json.loads(written.read_text())
    assert len(report["items"]) + len(report["left_out_already"]) == 120
    assert report["items"][0]["id"] in text
    assert all(code in text for code in ("H1", "H6"))
    rows = tmp_path / "influence.csv"
    output_of("influence", "--output", str(rows))
    assert {row["kind"] for row in csv.DictReader(io.StringIO(rows.read_text()))} == {"item", "source", "group"}
