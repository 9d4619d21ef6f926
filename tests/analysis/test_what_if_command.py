"""what_if as people type it."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command

from analysis.engine.spec import parse_model
from analysis.engine.what_if import what_if
from analysis.services.model_documents import PUBLISHED_STUDY

MODEL = str(PUBLISHED_STUDY)


def output_of(*args):
    stdout = io.StringIO()
    call_command("what_if", *map(str, args), stdout=stdout, stderr=io.StringIO())
    return stdout.getvalue()


def test_the_answer_stands_beside_the_models_own_without_a_database(tmp_path):
    written = tmp_path / "answer.json"
    inputs = ["posterior:H2=0.8", "strength:H2A>H4B=0.5", "midpoint:H3=2035", "strength_multiplier=1.2"]
    given = [part for text in inputs for part in ("--set", text)]
    text = output_of(MODEL, *given, "--do", "H5=A@2030", "--target-year", "2040", "--output", written)
    found = json.loads(written.read_text())
    document = json.loads(PUBLISHED_STUDY.read_text())
    document["run"]["target_year"] = 2040
    expected = what_if(
        parse_model(document),
        overrides={
            "posteriors": {"H2": 0.8},
            "strengths": {"H2A>H4B": 0.5},
            "midpoints": {"H3": 2035},
            "strength_multiplier": 1.2,
        },
        interventions=[{"hypothesis": "H5", "outcome": "A", "from_year": 2030}],
    )
    for part in ("base", "change", "scenario_probabilities", "temporal_evolution"):
        assert found[part] == expected[part]
    [row] = [line for line in text.splitlines() if line.startswith("  H5 ")]
    assert f"{100 * expected['change']['hypotheses']['H5']:+.2f}" in row
    assert "100" in row
    assert "Hypotheses in 2040" in text
    assert "All years in" in text
    assert " ms, 4,096 iterations" in text


def test_observations_and_rows_for_a_spreadsheet(tmp_path):
    written = tmp_path / "answer.csv"
    output_of(MODEL, "--given", "H2=A@2035", "--output", written)
    rows = list(csv.DictReader(io.StringIO(written.read_text())))
    assert [row["kind"] for row in rows].count("scenario") == 64
    [row] = [row for row in rows if row["name"] == "H2"]
    assert float(row["after"]) == pytest.approx(1)
    assert float(row["change"]) == pytest.approx(float(row["after"]) - float(row["before"]))


def test_nothing_changed_is_no_change():
    text = output_of(MODEL)
    assert "ABBABB stays the most likely scenario" in text
    assert "-0.00" not in text


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--set", "prior:H9=0.5"], r"overrides\.priors\.H9: unknown hypothesis; known are H1"),
        (["--set", "posterior:H1=1.5"], r"overrides\.posteriors\.H1: should be less than 1"),
        (["--set", "H1=0.5"], r"--set 'H1=0.5': must look like prior:H1=0.7"),
        (["--set", "prior:H1=high"], r"--set 'prior:H1=high': 'high' is no number"),
        (["--set", "prior:H1=0.5", "--set", "prior:H1=0.6"], r"--set 'prior:H1=0.6': this input is set twice"),
        (["--set", "midpoint:H1=nan"], r"overrides\.midpoints\.H1: must be a finite number"),
        (["--do", "H5=2030"], r"--do 'H5=2030': must look like"),
        (["--target-year", "1999"], r"run\.target_year"),
    ],
)
def test_bad_input_is_refused_in_one_line(args, message):
    with pytest.raises(CommandError, match=message) as refused:
        output_of(MODEL, *args)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
