"""compare as people type it."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command

from analysis.engine import ENGINE_VERSION
from analysis.engine.result_file import parse_result, self_contained
from analysis.engine.simulate import simulate
from analysis.engine.spec import input_hash, with_run
from analysis.services.model_documents import published_study
from tests.factories import AnalysisRunFactory
from tests.processes import environment, manage


def output_of(*args):
    stdout = io.StringIO()
    call_command("compare", *map(str, args), stdout=stdout, stderr=io.StringIO())
    return stdout.getvalue()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of two results; the second supposes something."""
    folder = tmp_path_factory.mktemp("results")
    supposed = [{"hypothesis": "H5", "outcome": "A", "from_year": 2030}]
    paths = []
    for name, choices in (("before", {}), ("after", {"interventions": supposed, "seed": 3})):
        document = with_run(published_study(), iterations=4096, **choices)
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(self_contained(document.to_json(), simulate(document))))
    return paths


def test_two_files_are_compared_without_a_database(files, tmp_path):
    env = environment(tmp_path / "data", DATABASE_URL="postgres://nobody@127.0.0.1:1/none", SECRET_KEY="x" * 60)
    done = manage("compare", *map(str, files), "--output", str(tmp_path / "found.json"), env=env)
    assert done.returncode == 0, done.stderr
    assert (
        "2 changes of the model and its run\n  Intervention H5 = A from 2030 added\n  Seed from 42 to 3" in done.stdout
    )
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["schema"] == "aifutures.comparison/1"
    assert found["hypotheses"]["H5"]["after"] == pytest.approx(1)
    (line,) = [line for line in done.stdout.splitlines() if line.split()[:1] == ["H5"] and "=" in line]
    points = 100 * found["hypotheses"]["H5"]["difference"]
    words = ["Intervention", "H5", "=", "A", "from", "2030", "added"]
    assert line.split()[1:] == [f"{points:+.2f}", "=", f"{points:+.2f}", *words]


def test_the_rows_hold_wholes_and_parts_that_sum_to_them(files, tmp_path):
    output_of(*files, "--output", tmp_path / "found.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "found.csv").read_text())))
    assert {row["kind"] for row in rows} == {"scenario", "hypothesis", "cluster"}
    of_h6 = [row for row in rows if row["name"] == "H6"]
    whole = float(next(row["difference"] for row in of_h6 if not row["part"]))
    parts = [float(row["difference"]) for row in of_h6 if row["part"]]
    assert len(parts) == 2
    assert sum(parts) == pytest.approx(whole, abs=1e-12)


@pytest.mark.django_db
def test_stored_runs_are_named_by_the_first_characters_of_their_ids(files):
    stored = [parse_result(path.read_text()) for path in files]
    runs = [
        AnalysisRunFactory(
            succeeded=True,
            model_document=document.to_json(),
            result=result,
            input_hash=input_hash(document),
            engine_version=ENGINE_VERSION,
        )
        for document, result in stored
    ]
    by_id = output_of(str(runs[0].pk)[:13], runs[1].pk)
    assert by_id == output_of(*files) == output_of(files[0], runs[1].pk)


@pytest.mark.django_db
def test_a_run_without_a_result_is_refused(files):
    queued = AnalysisRunFactory()
    with pytest.raises(CommandError, match="has no result: it is queued") as refused:
        output_of(files[0], queued.pk)
    assert refused.value.returncode == 2


def test_what_cannot_be_compared_is_refused_in_a_line(files, tmp_path):
    bad, short = tmp_path / "bad.json", tmp_path / "short.json"
    bad.write_text("{}")
    data = json.loads(files[0].read_text())
    data["model_document"]["end_year"] = 2049
    short.write_text(json.dumps(data))
    for arguments, named in (
        ([files[0], bad], f"{bad}: no result document"),
        ([files[0], "nothing.json"], "'nothing.json' is not the id of a run. Nor is there a file of that name."),
        ([files[0], "x" * 300], "is not the id of a run. Nor is there a file of that name."),
        ([files[0], f"{bad}/x"], "is not the id of a run. Nor is there a file of that name."),
        ([files[0], short], "model_document.run.target_year: must lie in 2025 to 2049"),
        ([*files, "--iterations", "0"], "iterations: must be 1 to"),
        ([*files, "--output", "found.txt"], "must end with .json or .csv"),
    ):
        with pytest.raises(CommandError) as refused:
            output_of(*arguments)
        assert named in str(refused.value)
        assert "\n" not in str(refused.value)
        assert refused.value.returncode == 2
