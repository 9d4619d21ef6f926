"""simulate --verify as people type it."""

import json

import pytest
from django.core.management import CommandError, call_command

from analysis.engine import ENGINE_VERSION
from analysis.engine.simulate import simulate
from analysis.engine.spec import input_hash
from analysis.management.output import write_result
from analysis.services.model_documents import PUBLISHED_STUDY, model_document_build
from tests.factories import AnalysisRunFactory
from tests.processes import environment, manage


@pytest.fixture
def written(tmp_path):
    """What `simulate --output` writes."""
    path = tmp_path / "result.json"
    call_command("simulate", str(PUBLISHED_STUDY), "--iterations", "4096", "--output", str(path))
    return path


def test_a_result_is_identical_until_a_number_in_it_is_changed(written, tmp_path, capsys):
    capsys.readouterr()
    call_command("simulate", "--verify", str(written))
    assert capsys.readouterr().out.strip() == f"{written}: identical"
    data = json.loads(written.read_text())
    true = data["temporal_evolution"][3]["scenarios"]["ABBABB"]
    data["temporal_evolution"][3]["scenarios"]["ABBABB"] = 0.5
    data["metadata"]["engine_version"] = "0.9.0"
    written.write_text(json.dumps(data))
    done = manage("simulate", "--verify", str(written), env=environment(tmp_path / "data"))
    assert done.returncode == 1
    assert f"temporal_evolution[3].scenarios.ABBABB: stored 0.5, now {true!r}" in done.stdout
    assert 'Likely cause: engine "0.9.0" computed the result' in done.stdout
    assert f"{written}: different" in done.stderr


def test_only_the_first_differences_are_listed(written, capsys):
    data = json.loads(written.read_text())
    data["scenario_probabilities"] = {}
    written.write_text(json.dumps(data))
    with pytest.raises(CommandError) as different:
        call_command("simulate", "--verify", str(written))
    assert different.value.returncode == 1
    shown = capsys.readouterr().out
    assert "64 values differ" in shown
    assert "... and 59 more" in shown
    assert shown.count("stored missing") == 5


@pytest.mark.parametrize("content", [None, b"not json", b"\xff\x00", b"", PUBLISHED_STUDY.read_bytes()])
def test_a_bad_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "result.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        call_command("simulate", "--verify", str(path))
    assert refused.value.returncode == 2
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "give a model document, or a result with --verify"),
        ([str(PUBLISHED_STUDY), "--verify", "result.json"], "--verify takes the model from the result"),
        (["--verify", "result.json", "--seed", "3"], "--verify takes the model from the result"),
        (["--verify", "result.json", "--output", "out.json"], "--verify takes the model from the result"),
        (["--verify", "result.json", "--threads", "0"], "--threads: must be 1 to 1024"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, named):
    with pytest.raises(CommandError, match=named) as refused:
        call_command("simulate", *arguments)
    assert refused.value.returncode == 2


@pytest.mark.django_db
def test_a_stored_run_is_repeated_to_the_last_digit_after_its_way_through_the_database(tmp_path, capsys):
    document = model_document_build(model="published", iterations=4096, target_year=2035)
    run = AnalysisRunFactory(
        succeeded=True,
        model_document=document.to_json(),
        result=simulate(document),
        input_hash=input_hash(document),
        engine_version=ENGINE_VERSION,
    )
    run.refresh_from_db()
    write_result(tmp_path / "run.json", run.model_document, run.result_document)
    call_command("simulate", "--verify", str(tmp_path / "run.json"))
    assert capsys.readouterr().out.strip() == f"{tmp_path / 'run.json'}: identical"
