"""robustness as people type it: on a file without a database, on the database's model, and with what is wrong."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command

from analysis.management.commands import robustness
from analysis.services.model_documents import PUBLISHED_STUDY
from tests.factories import EvidenceFactory
from tests.processes import environment, manage

FEW = ("--iterations", "4096", "--threads", "1")


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_file_needs_no_database_and_the_report_is_written(tmp_path):
    output = tmp_path / "report.json"
    done = manage(
        *("robustness", str(PUBLISHED_STUDY), *FEW, "--output", str(output)),
        env=environment(tmp_path / "data", DATABASE_URL="postgres://nobody@127.0.0.1:1/none", SECRET_KEY="x" * 60),
    )
    assert done.returncode == 0, done.stderr
    assert "ABBABB" in done.stdout
    assert "Conclusions that depend on the variant" in done.stdout
    assert "26 of 26 runs" in done.stderr
    report = json.loads(output.read_text())
    assert report["schema"] == "aifutures.robustness/1"
    assert report["metadata"]["iterations"] == 4096


@pytest.mark.django_db
def test_without_a_file_the_databases_model_is_taken_and_rows_are_written(tmp_path):
    for year in (2022, 2024):
        EvidenceFactory.create_batch(2, source__publication_date=f"{year}-03-01")
    output, screen = tmp_path / "rows.csv", io.StringIO()
    call_command("robustness", *FEW, "--output", str(output), stdout=screen, stderr=io.StringIO())
    assert "Published by 2022-12-31" in screen.getvalue()
    assert "moved on the same way" in screen.getvalue()
    rows = rows_of(output)
    base = {row["headline"]: float(row["probability"]) for row in rows if row["variant"] == "base"}
    names = {row["variant"] for row in rows}
    assert {"published_by:2022-12-31", "without:academic_paper", "no_evidence"} < names
    assert len(rows) == len(base) * len(names)
    for row in rows:
        assert float(row["change"]) == pytest.approx(float(row["probability"]) - base[row["headline"]], abs=1e-15)
    moved = {row["variant"]: float(row["change"]) for row in rows if row["headline"] == "H1"}
    assert moved["no_evidence"] < moved["published_by:2022-12-31"] < moved["base"] == 0


def test_a_variant_that_cannot_be_run_is_shown_with_its_reason_and_has_empty_numbers(tmp_path):
    document = json.loads(PUBLISHED_STUDY.read_text())
    model, output, screen = tmp_path / "model.json", tmp_path / "rows.csv", io.StringIO()
    text = json.dumps(document).replace('"H6', '"X6')
    model.write_text(text)
    call_command("robustness", str(model), *FEW, "--output", str(output), stdout=screen, stderr=io.StringIO())
    assert "The published study's priors: the published study has no prior for X6" in screen.getvalue()
    rows = [row for row in rows_of(output) if row["variant"] == "priors:published"]
    assert rows
    assert {(row["probability"], row["change"]) for row in rows} == {("", "")}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--output", "report.txt"], "--output report.txt: must end with .json or .csv"),
        (["--output", "/no such folder/report.json"], "cannot be written"),
        (["--threads", "0"], "--threads: must be 1 to 1024, not 0"),
        (["--iterations", "0"], "run.iterations"),
        (["--iterations", "1000000000000"], "run.iterations"),
    ],
)
def test_bad_options_are_refused_in_one_line(arguments, named):
    with pytest.raises(CommandError) as refused:
        call_command("robustness", str(PUBLISHED_STUDY), *arguments)
    assert refused.value.returncode == 2
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"not json", b"{}"])
def test_a_bad_model_is_refused_in_one_line_that_names_the_file(tmp_path, content):
    path = tmp_path / "model.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        call_command("robustness", str(path))
    assert refused.value.returncode == 2
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_stopped_by_hand_nothing_is_written(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(robustness, "robustness_report", interrupted)
    output = tmp_path / "report.json"
    with pytest.raises(CommandError, match="stopped; nothing was written") as stopped:
        call_command("robustness", str(PUBLISHED_STUDY), "--output", str(output))
    assert stopped.value.returncode == 1
    assert not output.exists()
