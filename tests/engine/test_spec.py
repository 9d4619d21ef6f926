import copy
import json
import math

import pytest

from analysis.engine.spec import ModelError, input_hash, parse_model, with_run


def faults(document):
    with pytest.raises(ModelError) as caught:
        parse_model(document)
    return [str(fault) for fault in caught.value.faults]


def change(document, path, value):
    *parents, last = path
    here = document
    for part in parents:
        here = here[part]
    here[last] = value


@pytest.mark.parametrize(
    ("path", "value", "start"),
    [
        (("hypotheses", 2, "speed"), math.nan, "hypotheses[2].speed: must be a finite number"),
        (("hypotheses", 2, "speed"), 6, "hypotheses[2].speed: should be less than or equal to 5, not 6"),
        (("hypotheses", 0, "prior_probability"), 0, "hypotheses[0].prior_probability: should be greater than 0"),
        (("hypotheses", 0, "prior_probability"), 1, "hypotheses[0].prior_probability: should be less than 1"),
        (("hypotheses", 0, "prior_probability"), "0.5", "hypotheses[0].prior_probability: should be a valid number"),
        (("hypotheses", 0, "prior_probability"), True, "hypotheses[0].prior_probability: should be a valid number"),
        (("hypotheses", 0, "midpoint_year"), 1900, "hypotheses[0].midpoint_year: must lie in 1975 to 2100"),
        (("hypotheses", 1, "code"), "H1", "hypotheses[1].code: duplicate code 'H1'"),
        (("hypotheses", 1, "extra"), 1, "hypotheses[1].extra: unknown key"),
        (("influences", 3, "target"), "H1", "influences[3]: H1 cannot influence itself"),
        (("influences", 3, "target"), "H9", "influences[3].target: unknown hypothesis 'H9'"),
        (("settings", "evidence", "recency_weight"), 0.3, "settings.evidence: the four quality weights must sum to 1"),
        (("clusters", 2, "pattern"), "B*****", "clusters[2].pattern: the last cluster must take every scenario"),
        (("clusters", 0, "pattern"), "A*", "clusters[0].pattern: must have 6 letters"),
        (("end_year",), 2020, "end_year: must be after base_year 2025, not 2020"),
        (("end_year",), 2101, "end_year: at most 76 years are analysed, not 77"),
        (("run", "iterations"), 0, "run.iterations: should be greater than or equal to 1, not 0"),
        (("run", "iterations"), -5, "run.iterations: should be greater than or equal to 1, not -5"),
        (("run", "iterations"), 10**12, "run.iterations: must be at most 100000000"),
        (("run", "target_year"), 2051, "run.target_year: must lie in 2025 to 2050, not 2051"),
        (("run", "hypotheses"), ["H1", "H9"], "run.hypotheses[1]: unknown hypothesis 'H9'"),
        (("run", "evidence_filter", "sources"), ["x"], "run.evidence_filter.sources[0]: no evidence item has the"),
        (
            ("run", "interventions"),
            [{"hypothesis": "H9", "outcome": "A", "from_year": 2030}],
            "run.interventions[0].hypothesis: unknown hypothesis 'H9'",
        ),
        (("schema",), "aifutures.model/2", "schema: should be 'aifutures.model/1'"),
    ],
)
def test_a_wrong_value_is_named_by_its_path(study, path, value, start):
    change(study, path, value)
    assert faults(study)[0].startswith(start)


def test_a_missing_key_is_named(study):
    del study["run"]["seed"]
    assert faults(study) == ["run.seed: missing key"]


def test_a_duplicate_influence_is_named(study):
    study["influences"].append(copy.deepcopy(study["influences"][0]))
    assert faults(study) == ["influences[22]: duplicate influence H1A>H2A"]


@pytest.mark.parametrize("text", [b"", b"{not json", b"[]", b"\xff\xfe", b"null"])
def test_what_is_no_document_is_refused(text):
    assert len(faults(text)) == 1


def test_a_document_over_two_megabytes_is_refused(study):
    study["name"] = " " * 2_000_000
    assert faults(json.dumps(study)) == ["the document is larger than 2,000,000 bytes"]


def test_a_key_twice_in_one_object_is_refused(study):
    text = json.dumps(study)[:-1] + ', "base_year": 2030}'
    assert "base_year: the same key twice in one object" in faults(text)


def test_unknown_keys_are_shown_in_one_line(study):
    study["evil\nkey\x1b[31m" + "x" * 1000] = 1
    (fault,) = faults(study)
    assert fault.isprintable()
    assert len(fault) < 100


def test_a_mapping_may_be_larger_than_a_file(study):
    """What the program reads back from its database was checked when it came in, perhaps in fewer bytes."""
    study["name"] = "я" * 2000
    study["influences"][0]["description"] = "я" * 2000
    document = parse_model(study)
    assert parse_model(document.to_json()) == document


@pytest.mark.parametrize("source", ["\ud800", {"x": object()}, {"x": float}])
def test_what_cannot_be_json_is_refused(source):
    assert len(faults(source)) == 1


def test_the_hash_does_not_depend_on_how_a_choice_is_written(study):
    before = input_hash(parse_model(study))
    study["run"] |= {"target_year": None, "hypotheses": ["H6", "H5", "H4", "H3", "H2", "H1"]}
    assert input_hash(parse_model(study)) == before


def test_the_hash_looks_at_what_bears_on_numbers_alone(study):
    before = input_hash(parse_model(study))
    study["name"] = "another name"
    study["hypotheses"][0]["label"] = "another label"
    study["influences"][0]["description"] = "another description"
    assert input_hash(parse_model(study)) == before
    study["influences"][0]["strength"] = 0.16
    assert input_hash(parse_model(study)) != before


def test_the_hash_survives_writing_and_reading(study):
    document = parse_model(study)
    assert input_hash(parse_model(json.dumps(document.to_json()))) == input_hash(document)
    assert input_hash(with_run(document, seed=43)) != input_hash(document)
