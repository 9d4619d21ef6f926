"""A result computed again from its own model document: identical, or different and where (MODEL.md 4, 5)."""

import json

import pytest

from analysis.engine import ENGINE_VERSION
from analysis.engine.result_file import ResultError, parse_result, self_contained
from analysis.engine.simulate import simulate
from analysis.engine.spec import input_hash, parse_model
from analysis.engine.verification import verify
from tests.oracle.documents import document_from_seed


@pytest.fixture(scope="module")
def stored(small):
    """A file's content."""
    return json.dumps(self_contained(small, simulate(parse_model(small))))


@pytest.fixture(scope="module")
def small():
    document = document_from_seed(5, hypotheses=3, years=4, items=6)
    document["run"] |= {"iterations": 4096, "stop_when_converged": False}
    return document


def tampered(stored, change):
    data = json.loads(stored)
    change(data)
    return parse_result(json.dumps(data))


def test_a_result_repeats_itself_on_any_number_of_threads(stored):
    found = verify(parse_result(stored), threads=3, chunk=256)
    assert found.identical
    assert found.notes == ()


def test_a_result_of_the_reference_is_repeated_by_the_reference(small):
    plain = simulate(parse_model(small), jit=False)
    assert verify(parse_result(json.dumps(self_contained(small, plain)))).identical


def test_how_long_and_on_what_is_not_compared(stored):
    def change(data):
        data["computation_time"] = 1e6
        data["metadata"] |= {"threads": 99, "backend": "elsewhere", "engine_version": "0.0.1"}

    found = verify(tampered(stored, change))
    assert found.identical
    assert found.notes == (
        f'engine "0.0.1" computed the result, this is engine "{ENGINE_VERSION}"',
        'backend "elsewhere" computed the result, now backend "local"',
    )


def test_a_tampered_number_is_found_by_its_path(stored):
    true = json.loads(stored)["temporal_evolution"][2]["hypotheses"]["H1"]["mean"]

    def change(data):
        data["temporal_evolution"][2]["hypotheses"]["H1"]["mean"] = true + 0.25

    found = verify(tampered(stored, change))
    path = "temporal_evolution[2].hypotheses.H1.mean"
    assert found.differences == ((path, json.dumps(true + 0.25), json.dumps(true)),)
    assert found.largest == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: data.update({"odd key": 1}), ("'odd key'", "1", "missing")),
        (lambda data: data["temporal_evolution"].append(7), ("temporal_evolution[4]", "7", "missing")),
        (lambda data: data["convergence"].update(converged=1), ("convergence.converged", "1", None)),
        (lambda data: data.update(clusters=None), ("clusters", "null", None)),
        (lambda data: data["metadata"].pop("seed"), ("metadata.seed", "missing", None)),
        (lambda data: data.update(metadata=[]), ("metadata", "[]", None)),
    ],
)
def test_what_is_too_much_or_lacks_or_is_of_another_kind_is_a_difference(stored, change, expected):
    (found,) = verify(tampered(stored, change)).differences
    assert found.path == expected[0]
    assert found.stored == expected[1]
    assert expected[2] in {None, found.computed}


def test_another_model_or_precision_is_named_as_the_cause(stored):
    def change(data):
        data["model_document"]["run"]["seed"] = 12
        data["metadata"]["dtype"] = "float16"

    found = verify(tampered(stored, change))
    paths = [difference.path for difference in found.differences]
    assert {"scenario_probabilities.AAA", "metadata.seed", "metadata.input_hash", "metadata.dtype"} <= set(paths)
    assert any("the model document is not the one" in note for note in found.notes)
    assert any('computed in "float16"' in note for note in found.notes)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"\xff\x00", "no JSON document"),
        ("[" * 100_000, "no JSON document"),
        ('{"schema": NaN}', "NaN is no number"),
        ('{"schema": 1e4000}', "1e4000 is too large a number"),
        (f'{{"schema": -1{"0" * 400}}}', "-1000000000000000000... is too large a number"),
        ("[]", "no result document"),
        ('{"schema": "aifutures.model/1"}', "no result document (aifutures.result/1)"),
        ('{"schema": "aifutures.result/1"}', "model_document: missing"),
        ('{"schema": "aifutures.result/1", "model_document": {"name": "x"}}', "model_document.schema: missing key"),
        (" " * (32 * 2**20 + 1), "larger than 33,554,432 bytes"),
    ],
)
def test_what_is_no_such_file_is_refused(content, named):
    with pytest.raises(ResultError) as refused:
        parse_result(content)
    assert named in str(refused.value)


def test_a_file_reads_back_as_what_was_written(small, stored):
    document, result = parse_result(stored)
    assert document == parse_model(small)
    assert result["metadata"]["input_hash"] == input_hash(document)
    assert "model_document" not in result
