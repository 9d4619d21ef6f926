"""clusters as people type it."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command

from analysis.services.model_documents import PUBLISHED_STUDY

MODEL = str(PUBLISHED_STUDY)


def output_of(*args, command="clusters"):
    stdout = io.StringIO()
    call_command(command, *map(str, args), stdout=stdout, stderr=io.StringIO())
    return stdout.getvalue()


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    written = tmp_path_factory.mktemp("results") / "result.json"
    output_of(MODEL, "--iterations", "4096", "--output", written, command="simulate")
    return written


def test_a_model_and_its_result_have_the_same_groups(tmp_path, result):
    written = tmp_path / "clusters.json"
    text = output_of(MODEL, "--iterations", "4096", "--output", written)
    found = json.loads(written.read_text())
    stored = json.loads(result.read_text())["clusters"]
    assert (found["named"], found["dendrogram"]) == (stored["named"], stored["dendrogram"])
    assert text.splitlines()[:-1] == output_of("--of", result).splitlines()
    tree = stored["dendrogram"]
    assert f"Cophenetic correlation {tree['cophenetic_correlation']:.3f}" in text
    assert f"{tree['agreement']['scenarios']:+.3f} over scenarios" in text


def test_every_scenario_is_a_row_in_the_order_of_the_tree(tmp_path, result):
    written = tmp_path / "clusters.csv"
    output_of("--of", result, "--output", written)
    rows = list(csv.DictReader(io.StringIO(written.read_text())))
    clusters = json.loads(result.read_text())["clusters"]
    assert [row["scenario"] for row in rows] == clusters["dendrogram"]["leaves"]
    for row in rows:
        group = clusters["dendrogram"]["groups"][int(row["group"]) - 1]
        assert row["scenario"] in group["scenarios"]
        [named] = [cluster["name"] for cluster in clusters["named"] if row["scenario"] in cluster["scenarios"]]
        assert row["cluster"] == named


def test_a_result_without_the_agreement_is_refused(tmp_path, result):
    stored = json.loads(result.read_text())
    del stored["clusters"]["dendrogram"]["agreement"]
    old = tmp_path / "old.json"
    old.write_text(json.dumps(stored))
    with pytest.raises(CommandError, match="run the model again") as refused:
        output_of("--of", old)
    assert refused.value.returncode == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda result: result.pop("clusters"), "clusters: missing key"),
        (lambda result: result["clusters"].update(dendrogram=None), "clusters.dendrogram: "),
        (lambda result: result["metadata"].pop("target_year"), "metadata.target_year: missing key"),
        (
            lambda result: result["clusters"]["dendrogram"]["leaves"].append("\x1b[2J"),
            "clusters.dendrogram.leaves[64]: ",
        ),
        (lambda result: result["clusters"]["named"].pop(), "clusters.named: other scenarios"),
    ],
)
def test_a_result_with_other_clusters_than_an_engine_writes_is_refused_in_a_line(tmp_path, result, change, named):
    stored = json.loads(result.read_text())
    change(stored)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(stored))
    with pytest.raises(CommandError) as refused:
        output_of("--of", path)
    assert named in str(refused.value)
    assert str(refused.value).isprintable()
    assert refused.value.returncode == 2


def test_a_result_takes_no_options_of_a_run(result):
    with pytest.raises(CommandError, match="a result is taken as it is"):
        output_of("--of", result, "--seed", "5")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["abcdef", "x" * 300])
def test_what_is_neither_a_file_nor_a_run_is_refused(name):
    with pytest.raises(CommandError, match="Nor is there a file of that name"):
        output_of(name)
