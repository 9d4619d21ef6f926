"""Two results side by side: differences in words, joint errors, and parts that sum to the whole."""

import copy
import json

import numpy as np
import pytest

from analysis.engine.attribution import max_steps
from analysis.engine.changes import blended, model_changes
from analysis.engine.comparison import MONTE_CARLO, ComparisonError, compare
from analysis.engine.posterior import posteriors
from analysis.engine.simulate import simulate, simulate_sums
from analysis.engine.spec import input_hash, parse_model
from tests.oracle.documents import document_from_seed


@pytest.fixture
def small():
    """A document of 3 hypotheses with evidence, influences and clusters."""
    document = document_from_seed(
        4, hypotheses=3, years=6, items=8, influences=5, interventions=0, observations=0, model="dependency_network"
    )
    document["run"] |= {
        "iterations": 4096,
        "sampler": "sobol",
        "stop_when_converged": False,
        "hypotheses": None,
        "target_year": None,
    }
    document["run"]["evidence_filter"] = {"quality_min": None, "sources": [], "hypothesis": None}
    return document


def changed(document, change):
    after = copy.deepcopy(document)
    change(after)
    return after


def texts(before, after):
    return [change.text for change in model_changes(parse_model(before), parse_model(after))]


def compared(before, after, **options):
    before, after = parse_model(before), parse_model(after)
    return compare(before, simulate(before), after, simulate(after), iterations=4096, **options)


def prior(value):
    return lambda document: document["hypotheses"][0].update(prior_probability=value)


@pytest.mark.parametrize(
    ("change", "path", "text"),
    [
        (prior(0.7), "hypotheses[H1].prior_probability", "Prior of H1 from 0.5 to 0.7"),
        (
            lambda d: d["influences"][0].update(strength=0.5),
            "influences[{influence}]",
            "Strength of {influence} from 0.25 to 0.5",
        ),
        (lambda d: d["influences"].pop(0), "influences[{influence}]", "Influence {influence} removed (strength 0.25)"),
        (
            lambda d: d["evidence"][0].update(id="new", hypothesis="H1", direction="A", strength=0.8),
            "evidence[new]",
            "Evidence 'new' added (for H1 = A, strength 0.8)",
        ),
        (
            lambda d: d["evidence"][0].update(strength=0.8, publication_date="2024-05-06"),
            "evidence[old]",
            "Evidence 'old': strength from 0.5 to 0.8, publication date from 2020-01-01 to 2024-05-06",
        ),
        (
            lambda d: d["settings"]["evidence"].update(quality_threshold=0.3),
            "settings.evidence.quality_threshold",
            "Quality threshold from 0.4 to 0.3",
        ),
        (
            lambda d: d["run"].update(interventions=[{"hypothesis": "H2", "outcome": "A", "from_year": d["end_year"]}]),
            "run.interventions[H2]",
            "Intervention H2 = A from {end} added",
        ),
        (
            lambda d: d["run"].update(target_year=d["base_year"]),
            "run.target_year",
            "Target year from {end} to {base}",
        ),
        (lambda d: d["run"].update(iterations=50_000), "run.iterations", "Iterations from 4096 to 50,000"),
        (lambda d: d["run"].update(sampler="pseudo"), "run.sampler", "Sampler from sobol to pseudo"),
        (
            lambda d: d["settings"]["causal_network"].update(center_influences=False),
            "settings.causal_network.center_influences",
            "Centring of influences from on to off",
        ),
        (
            lambda d: d["clusters"].insert(0, {"name": "New", "pattern": "AA*"}),
            "clusters[New]",
            "Cluster 'New' added (pattern AA*)",
        ),
        (lambda d: d["influences"].reverse(), "influences", "Order of the influences"),
    ],
)
def test_a_change_is_named_by_its_path_and_in_words(small, change, path, text):
    small["hypotheses"][0]["prior_probability"] = 0.5
    small["influences"][0]["strength"] = 0.25
    small["evidence"][0] |= {"id": "old", "strength": 0.5, "publication_date": "2020-01-01"}
    small["settings"]["evidence"]["quality_threshold"] = 0.4
    small["settings"]["causal_network"]["center_influences"] = True
    influence = parse_model(small).influences[0].key
    found = model_changes(parse_model(small), parse_model(changed(small, change)))
    words = {"influence": influence, "base": small["base_year"], "end": small["end_year"]}
    assert (path.format(**words), text.format(**words)) in [(each.path, each.text) for each in found]
    added = "added (for" in text
    assert len(found) == 1 + added  # the new id also takes an old item away


def test_words_for_people_are_no_change(small):
    after = changed(small, lambda d: d.update(name="Other"))
    after["hypotheses"][0] |= {"label": "Other", "outcome_a": "yes", "outcome_b": "no"}
    after["evidence"][0] |= {"title": "Other", "source_type": "Other"}
    after["influences"][0]["description"] = "Other"
    assert texts(small, after) == []


def numbers_and_lists(data, path=()):
    """Paths of every value that bears on the numbers."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        if isinstance(value, dict | list) and value:
            yield from numbers_and_lists(value, (*path, key))
        elif key not in {"schema", "code", "base_year", "end_year", "hypotheses"}:
            yield (*path, key)


def other(value):
    match value:
        case bool():
            return not value
        case float() | int():
            return value * 0.5 if value else 0.5
        case str():
            return {"A": "B", "B": "A", "sobol": "pseudo", "float32": "float64"}.get(value)


def test_whatever_changes_the_hash_is_a_change_or_makes_no_model(small):
    """No field is forgotten, whatever the document will have."""
    before = parse_model(small)
    seen = 0
    for path in numbers_and_lists(small):
        after = copy.deepcopy(small)
        part = after
        for key in path[:-1]:
            part = part[key]
        if (value := other(part[path[-1]])) is None:
            continue
        part[path[-1]] = int(value) if isinstance(part[path[-1]], int) and not isinstance(value, bool) else value
        try:
            document = parse_model(after)
        except ValueError:
            continue
        found = model_changes(before, document)
        assert bool(found) == (input_hash(before) != input_hash(document)), path
        if found:
            seen += 1
            whole = blended(before, document, {change.path for change in found})
            assert model_changes(whole, document) == [], path
    assert seen > 60


@pytest.mark.parametrize("seed", range(6))
def test_all_changes_together_make_the_second_model(seed):
    """Random documents, one the other's hypotheses, years and ids."""
    sizes = {"hypotheses": 4, "years": 5, "items": 12, "influences": 8}
    one, two = (document_from_seed(10 * seed + k, **sizes) for k in (1, 2))
    for each in (one, two):
        each |= {"base_year": 2025, "end_year": 2029, "clusters": each["clusters"]}
        each["run"] |= {"hypotheses": None, "target_year": None, "interventions": [], "observations": []}
        for hypothesis in each["hypotheses"]:
            hypothesis["midpoint_year"] = 2026.5
    before, after = parse_model(one), parse_model(two)
    paths = [change.path for change in model_changes(before, after)]
    assert len(paths) == len(set(paths)) > 10
    assert model_changes(blended(before, after, ()), before) == []
    whole = blended(before, after, set(paths))
    assert model_changes(whole, after) == []
    assert [i.key for i in whole.influences] == [i.key for i in after.influences]
    for ours, theirs in zip(posteriors(whole), posteriors(after), strict=True):
        assert (ours.mu, ours.sd) == pytest.approx((theirs.mu, theirs.sd), abs=1e-12)


def test_parts_sum_to_the_whole(study):
    study["run"] |= {"iterations": 8192, "target_year": 2045}
    after = changed(study, prior(0.6))
    after["influences"].pop(3)
    after["influences"][0]["strength"] = 0.6
    after["settings"]["causal_network"]["strength_multiplier"] = 1.3
    after["clusters"].insert(1, {"name": "New", "pattern": "BB****"})
    after["run"] |= {
        "seed": 9,
        "target_year": 2050,
        "iterations": 20_000,
        "interventions": [{"hypothesis": "H5", "outcome": "A", "from_year": 2030}],
        "observations": [{"hypothesis": "H2", "outcome": "A", "from_year": 2035}],
    }
    seen = []
    found = compared(study, after, on_progress=lambda done, total: seen.append((done, total)))
    steps = found["attribution"]["steps"]
    assert seen == [(k, len(steps)) for k in range(1, len(steps) + 1)]
    assert steps[-1]["text"] == MONTE_CARLO
    assert sorted(i for step in steps for i in step["changes"]) == list(range(len(found["changes"])))
    headlines = found["attribution"]["headlines"]
    assert {"H1", "H6", "Adaptive Integration"} <= {headline["name"] for headline in headlines}
    for headline in headlines:
        assert len(headline["parts"]) == len(steps)
        assert sum(p["difference"] for p in headline["parts"]) == pytest.approx(headline["difference"], abs=1e-12)
        noise = headline["parts"][-1]
        assert abs(noise["difference"]) < 2 * noise["half_width"] + 1e-6
    assert found["clusters"]["New"] == {
        "before": None,
        "after": found["clusters"]["New"]["after"],
        **dict.fromkeys(("difference", "half_width", "exceeds")),
    }
    json.dumps(found, allow_nan=False)


def test_the_same_twice_is_no_change_and_zero(small):
    found = compared(small, small)
    assert found["changes"] == []
    assert [step["text"] for step in found["attribution"]["steps"]] == [MONTE_CARLO]
    for kind in ("scenarios", "hypotheses", "clusters"):
        assert all(row["difference"] == 0 and row["exceeds"] is False for row in found[kind].values())
    for headline in found["attribution"]["headlines"]:
        assert [part["difference"] for part in headline["parts"]] == [0.0]


def test_one_change_alone_explains_all_but_chance(small):
    found = compared(small, changed(small, prior(0.85)))
    assert [step["text"].split(" from ")[0] for step in found["attribution"]["steps"]] == ["Prior of H1", MONTE_CARLO]
    first = next(h for h in found["attribution"]["headlines"] if h["name"] == "H1")
    assert found["hypotheses"]["H1"]["exceeds"]
    assert abs(first["difference"]) > 0.02
    assert first["parts"][0]["difference"] == pytest.approx(first["difference"], abs=1e-3)


def test_a_part_is_the_difference_of_the_models_on_either_side(small):
    """Against plain runs of the three models at the common setting."""
    middle = changed(small, prior(0.85))
    after = changed(middle, lambda d: d["settings"]["causal_network"].update(strength_multiplier=2.5))
    found = compared(small, after)
    means = []
    for data in (small, middle, after):
        common = changed(data, lambda d: d["run"].update(seed=42, sampler="sobol", dtype="float64", iterations=4096))
        sums = simulate_sums(parse_model(common))[:, -1].sum(axis=0)
        means.append(sums[:4].sum() / sums.sum())
    first = next(h for h in found["attribution"]["headlines"] if h["name"] == "H1")
    np.testing.assert_allclose([p["difference"] for p in first["parts"][:2]], np.diff(means), atol=1e-12)


def test_the_joint_error_is_that_of_both(small):
    after = changed(small, lambda d: d["run"].update(seed=5, sampler="pseudo"))
    one, two = simulate(parse_model(small)), simulate(parse_model(after))
    row = compare(parse_model(small), one, parse_model(after), two, iterations=4096)["scenarios"]["AAA"]
    errors = [result["scenario_intervals"]["AAA"]["mcse"] for result in (one, two)]
    assert row["half_width"] == pytest.approx(2.131 * np.sqrt(errors[0] ** 2 + errors[1] ** 2), rel=1e-12)
    assert row["difference"] == two["scenario_probabilities"]["AAA"] - one["scenario_probabilities"]["AAA"]


def test_many_changes_are_grouped(small):
    item = small["evidence"][0]
    small["evidence"] = [item | {"id": f"E{k}", "hypothesis": f"H{1 + k % 3}"} for k in range(60)]
    after = copy.deepcopy(small)
    for each in after["evidence"]:
        each["strength"] = each["strength"] / 2 + 0.1
    prior(0.6)(after)
    found = compared(small, after)
    assert len(found["changes"]) == 61 > max_steps(parse_model(small))
    assert found["attribution"]["grouped"]
    assert [step["text"].split(" from ")[0] for step in found["attribution"]["steps"]] == [
        "Prior of H1",
        *(f"20 changes to the evidence on H{k}" for k in (1, 2, 3)),
        MONTE_CARLO,
    ]


def longer(document):
    document["end_year"] += 1


def rename(document):
    text = json.dumps(document).replace('"H3"', '"H9"')
    document.clear()
    document.update(json.loads(text))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (rename, "the models have different hypotheses: H1, H2, H3, and H1, H2, H9"),
        (longer, "the models cover different years"),
        (
            lambda d: d["run"].update(hypotheses=["H1", "H2"]),
            "the results report different hypotheses: H1, H2, H3, and H1, H2",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(small, change, named):
    with pytest.raises(ComparisonError, match=named):
        compared(small, changed(small, change))


def test_a_result_of_another_model_or_an_older_engine_is_refused(small):
    document = parse_model(small)
    result, other_model = simulate(document), parse_model(changed(small, prior(0.9)))
    with pytest.raises(ComparisonError, match="the second result was computed from another model"):
        compare(document, result, other_model, result)
    with pytest.raises(ComparisonError, match="first result cannot be compared: hypothesis_intervals: missing key"):
        compare(document, {k: v for k, v in result.items() if k != "hypothesis_intervals"}, document, result)
    with pytest.raises(ComparisonError, match="clusters does not fit its model"):
        compare(document, result | {"clusters": {"named": []}}, document, result)
    with pytest.raises(ComparisonError, match="iterations: must be 1 to 1,048,576, not 0"):
        compare(document, result, document, result, iterations=0)


def test_what_is_supposed_of_one_hypothesis_changes_at_once(small):
    """One by one, what is observed would be impossible on the way."""
    year = small["base_year"] + 1
    supposed = [{"hypothesis": "H2", "outcome": outcome, "from_year": year} for outcome in "AB"]
    small["run"]["observations"] = supposed[:1]
    after = changed(small, lambda d: d["run"].update(interventions=supposed[1:], observations=[]))
    found = compared(small, after)
    assert [step["text"] for step in found["attribution"]["steps"]] == [
        f"Intervention H2 = B from {year} added; Observation H2 = A from {year} removed",
        MONTE_CARLO,
    ]
    assert found["hypotheses"]["H2"]["difference"] == pytest.approx(-1)
