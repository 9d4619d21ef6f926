"""paths as people type it."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command

from analysis.services.model_documents import PUBLISHED_STUDY

MODEL = str(PUBLISHED_STUDY)


def output_of(*args):
    stdout = io.StringIO()
    call_command("paths", *map(str, args), "--iterations", "4096", stdout=stdout, stderr=io.StringIO())
    return stdout.getvalue()


def test_questions_are_answered_in_a_table_and_a_file_without_a_database(tmp_path):
    written = tmp_path / "paths.json"
    questions = ["--passes", "H2=A:0.4", "--passes", "cluster:Adaptive Integration:below:0.01"]
    text = output_of(MODEL, *questions, "--do", "H5=A@2030", "--output", written)
    found = json.loads(written.read_text())
    assert [passage["question"] for passage in found["passages"]] == [questions[1], questions[3]]
    rows = {line.split("=A")[0].strip(): line for line in text.splitlines() if " >= " in line or " <= " in line}
    first = found["passages"][0]
    assert str(first["mean"]["year"] or "after 2050") in rows["H2"]
    assert found["passages"][1]["mean"]["year"] == 2030
    for change in found["leading"]:
        assert f"in place of {change['from']}" in text
    assert "Means of 4,096 iterations" in text


def test_progress_is_shown():
    screen = io.StringIO()
    call_command("paths", MODEL, "--iterations", "8192", stdout=io.StringIO(), stderr=screen)
    assert "8,192 of 8,192 iterations" in screen.getvalue()


def test_without_questions_lead_and_entropy_are_told():
    text = output_of(MODEL)
    assert "First year" not in text
    assert "largest rise in a year" in text


def test_rows_hold_every_number(tmp_path):
    output_of(MODEL, "--passes", "H1=A:0.95", "--output", tmp_path / "paths.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "paths.csv").read_text())))
    assert len([row for row in rows if row["measure"] == "entropy_bits"]) == 26
    assert [row["year"] for row in rows if row["measure"] == "mean"] == [str(year) for year in range(2025, 2051)]
    never = next(row for row in rows if row["measure"] == "never")
    assert (never["subject"], never["year"]) == ("H1=A:0.95", "")
    assert 0 <= float(never["value"]) <= 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--passes", "H1"], "--passes: 'H1' must look like H1=A:0.5"),
        (["--passes", "H9=A:0.5"], "--passes: 'H9=A:0.5': unknown hypothesis 'H9'"),
        (["--do", "H2=B@2030", "--given", "H2=A@2035"], "the observations have probability 0 in 2035"),
        (["--threads", "0"], "--threads: must be 1 to 1024"),
        (["--output", "paths.txt"], "must end with .json or .csv"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(options, named):
    with pytest.raises(CommandError) as refused:
        output_of(MODEL, *options)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.returncode == 2
