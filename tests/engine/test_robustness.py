"""The robustness report against runs of documents changed by hand."""

import copy
import json
from datetime import date

import pytest

from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.posterior import posteriors
from analysis.engine.robustness import default_iterations, report_hash, robustness_report
from analysis.engine.robustness.history import MINIMUM_SHARE, cut_dates, verdict
from analysis.engine.robustness.variants import variants
from analysis.engine.simulate import simulate
from analysis.engine.spec import ModelError, parse_model
from analysis.engine.stopping import Stopped

from .conftest import STUDY

PUBLISHED = {hypothesis["code"]: hypothesis["prior_probability"] for hypothesis in STUDY["hypotheses"]}
TYPES = ("academic_paper", "think_tank", "industry_report")
ITERATIONS = 4096


def item(number, hypothesis, direction, published, quality):
    scores = {"authority": quality, "methodology": quality, "recency": quality, "replication": quality}
    return {
        "id": f"E{number}",
        "hypothesis": hypothesis,
        "direction": direction,
        "strength": 0.3 + 0.05 * (number % 7),
        "quality_scores": scores,
        "publication_date": published,
        "dependency_group": "labs" if number % 3 == 0 else "",
        "source": f"source {number}",
        "source_type": TYPES[number % 3],
    }


def evidence():
    """Four items per hypothesis over five years; all speak for H1, others for both sides."""
    items = []
    for h in range(1, 7):
        for k in range(4):
            direction = "A" if h == 1 or (h + k) % 3 else "B"
            scores = (0.35, 0.45, 0.7, 0.9)[(h + k) % 4]
            items.append(item(len(items), f"H{h}", direction, f"{2021 + k}-0{h}-15", scores))
    return items


def model():
    document = copy.deepcopy(STUDY)
    for hypothesis in document["hypotheses"]:
        hypothesis["prior_probability"] = 0.5
    document["evidence"] = evidence()
    document["run"]["iterations"] = ITERATIONS
    return document


@pytest.fixture
def document():
    return model()


def reported(document, **options):
    choices = {"published_priors": PUBLISHED, "iterations": ITERATIONS, "threads": 1} | options
    return robustness_report(parse_model(document), **choices)


@pytest.fixture(scope="module")
def report():
    return reported(model())


def by_key(report):
    return {variant["key"]: variant for variant in report["variants"]}


def headlines_of(document, report):
    """The headlines of a plain run, in the report's order."""
    result = simulate(parse_model(document), threads=1)
    year = next(e for e in result["temporal_evolution"] if e["year"] == result["metadata"]["target_year"])
    means = {
        "scenario": result["scenario_probabilities"],
        "cluster": year["clusters"],
        "hypothesis": {code: found["mean"] for code, found in year["hypotheses"].items()},
    }
    return [means[headline["kind"]][headline["name"]] for headline in report["headlines"]]


def causal(**values):
    return lambda document: document["settings"]["causal_network"].update(values)


def keep(wanted):
    def change(document):
        document["evidence"] = [each for each in document["evidence"] if wanted(each)]

    return change


def chosen_sources(wanted):
    """The run's own filter instead of another evidence base."""

    def change(document):
        sources = [each["source"] for each in document["evidence"] if wanted(each)]
        document["run"]["evidence_filter"]["sources"] = sources

    return change


def published_priors(document):
    document["evidence"] = []
    for hypothesis in document["hypotheses"]:
        hypothesis["prior_probability"] = PUBLISHED[hypothesis["code"]]


def doubled_uncertainty(document):
    document["settings"]["evidence"]["model_discrepancy_sd"] *= 2
    document["settings"]["causal_network"]["strength_cv"] *= 2
    for hypothesis in document["hypotheses"]:
        hypothesis["midpoint_sd"] *= 2


def quality(each):
    return each["quality_scores"]["authority"]


@pytest.mark.parametrize(
    ("key", "by_hand"),
    [
        ("no_influences", causal(model="independent")),
        ("no_influences", lambda document: document["influences"].clear()),
        ("influences_doubled", causal(strength_multiplier=2.0)),
        ("strength_multiplier:0.5", causal(strength_multiplier=0.5)),
        ("causal_model:log_linear", causal(model="log_linear")),
        ("causal_model:bayesian_network", causal(enable_feedback_loops=False)),
        ("centring:off", causal(center_influences=False)),
        ("quality_threshold:0.6", keep(lambda each: quality(each) >= 0.6)),
        ("without:think_tank", keep(lambda each: each["source_type"] != "think_tank")),
        ("published_by:2022-12-31", chosen_sources(lambda each: each["publication_date"] < "2023")),
        ("no_evidence", lambda document: document["evidence"].clear()),
        ("evidence_for:A", keep(lambda each: each["direction"] == "A")),
        ("priors:published", published_priors),
        ("uncertainty_doubled", doubled_uncertainty),
    ],
)
def test_a_variant_is_the_run_of_the_document_changed_by_hand(report, document, key, by_hand):
    by_hand(document)
    variant = by_key(report)[key]
    assert variant["status"] == "ran"
    assert variant["headlines"] == pytest.approx(headlines_of(document, report), abs=2e-6)


def test_the_base_is_the_plain_run_and_variants_with_its_decisions_have_its_numbers(report, document):
    base = [headline["base"] for headline in report["headlines"]]
    assert base == pytest.approx(headlines_of(document, report), abs=1e-12)
    same = [key for key, variant in by_key(report).items() if variant["status"] == "same_as_base"]
    assert same == [
        "quality_threshold:0.4",
        "strength_multiplier:1",
        "priors:even",
        "priors:given",
        "causal_model:dependency_network",
        "centring:on",
    ]
    assert all(by_key(report)[key]["headlines"] == base for key in same)


def test_headlines_are_the_five_most_likely_scenarios_and_every_cluster_and_hypothesis(report, document):
    found = simulate(parse_model(document), threads=1)["scenario_probabilities"]
    top = sorted(found, key=lambda code: -found[code])[:5]
    clusters = [cluster["name"] for cluster in document["clusters"]]
    assert [headline["name"] for headline in report["headlines"]] == [*top, *clusters, *PUBLISHED]


def test_the_published_priors_reproduce_the_published_study(report):
    """MODEL.md 9."""
    variant = by_key(report)["priors:published"]
    found = {h["name"]: p for h, p in zip(report["headlines"], variant["headlines"], strict=True)}
    assert {code: found[code] for code in PUBLISHED} == pytest.approx(PUBLISHED, abs=0.015)
    clusters = {"Adaptive Integration": 0.42, "Fragmented Disruption": 0.31, "Constrained Evolution": 0.27}
    assert {name: found[name] for name in clusters} == pytest.approx(clusters, abs=0.03)
    assert variant["most_likely"] == {"scenario": "ABBABB", "cluster": "Adaptive Integration"}


def test_equal_weights_leave_every_item_its_direction_and_the_same_weight(document):
    base = parse_model(document)
    variant = next(each for each in variants(base, None) if each.key == "equal_weights")
    before = {entry.item.id: entry for belief in posteriors(base) for entry in belief.used}
    after = {entry.item.id: entry for belief in posteriors(variant.document) for entry in belief.used}
    assert after.keys() == before.keys()
    assert len(before) < len(base.evidence)
    weights = [abs(entry.weight) for entry in after.values()]
    assert weights == pytest.approx([weights[0]] * len(weights))
    assert all(entry.weight * before[key].weight > 0 for key, entry in after.items())
    mean = sum(entry.quality for entry in before.values()) / len(before)
    assert next(iter(after.values())).quality == pytest.approx(mean)


def test_moves_are_the_variants_less_the_base(report):
    ran = [each for each in report["variants"] if each["status"] == "ran"]
    for at, headline in enumerate(report["headlines"]):
        for name, moves in headline["moves"].items():
            dimension = [each for each in ran if name == each["dimension"]]
            group = dimension or [each for each in ran if each["dimension"] != "extreme"]
            values = {each["key"]: each["headlines"][at] for each in group}
            assert moves["lowest"] == min(headline["base"], *values.values())
            assert moves["highest"] == max(headline["base"], *values.values())
            assert moves["largest_move"] == values[moves["variant"]] - headline["base"]
            assert abs(moves["largest_move"]) == max(abs(value - headline["base"]) for value in values.values())


def test_every_hypothesis_is_judged_by_the_side_that_each_variant_takes(report):
    names = [headline["name"] for headline in report["headlines"]]
    ran = [each for each in report["variants"] if each["status"] == "ran"]
    ordinary = [each for each in ran if each["dimension"] != "extreme"]
    conclusions = report["conclusions"]
    said = conclusions["hold_in_all"] + conclusions["hold_in_none"] + conclusions["depend"]
    hypotheses = [each for each in said if each["kind"] == "hypothesis"]
    assert sorted(each["subject"] for each in hypotheses) == sorted(PUBLISHED)
    for each in hypotheses:
        at = names.index(each["subject"])
        for_a = report["headlines"][at]["base"] > 0.5
        agree = [v["key"] for v in ordinary if (v["headlines"][at] > 0.5005) == for_a]
        assert each["text"].startswith(f"{each['subject']} is more likely {'A' if for_a else 'B'} (")
        assert each["in_base"]
        assert each["holds"] == len(agree)
        assert each["exceptions"] == [v["key"] for v in ordinary if v["key"] not in agree]


def test_conclusions_are_sorted_into_what_holds_in_all_in_none_and_here_and_there(report):
    conclusions = report["conclusions"]
    by_text = {each["text"]: each for each in conclusions["hold_in_all"]}
    certain = by_text["H1 is more likely A (accelerating progress) than B (fundamental barriers)"]
    assert certain["extreme_exceptions"] == ["no_evidence", "evidence_for:B"]
    assert all(each["in_base"] and each["holds"] == conclusions["variants"] for each in conclusions["hold_in_all"])
    assert conclusions["hold_in_none"]
    assert all(not each["in_base"] and each["holds"] == 0 for each in conclusions["hold_in_none"])
    assert conclusions["depend"]
    assert all(each["exceptions"] for each in conclusions["depend"])
    leaders = {each["most_likely"]["cluster"] for each in report["variants"] if each["dimension"] != "extreme"}
    never = {each["subject"] for each in conclusions["hold_in_none"] if each["kind"] == "cluster"}
    assert leaders.isdisjoint(never)


@pytest.mark.parametrize(
    ("prior", "early", "full", "said"),
    [
        (0.5, 0.6, 0.7, "same_way"),
        (0.5, 0.4, 0.3, "same_way"),
        (0.5, 0.6, 0.55, "reversed"),
        (0.5, 0.4, 0.7, "reversed"),
        (0.5, 0.6, 0.615, "hardly_moved"),
        (0.5, 0.515, 0.7, "nothing_foreseen"),
        (0.5, 0.5, 0.5, "hardly_moved"),
    ],
)
def test_later_evidence_is_held_against_what_the_earlier_foresaw(prior, early, full, said):
    assert verdict(prior, early, full) == said


def test_the_history_compares_no_evidence_the_early_part_and_all_of_it(report):
    variants, names = by_key(report), [headline["name"] for headline in report["headlines"]]
    cuts = report["historical"]["cuts"]
    assert [cut["date"] for cut in cuts] == ["2021-12-31", "2022-12-31", "2023-12-31"]
    for cut in cuts:
        for code, found in cut["hypotheses"].items():
            at = names.index(code)
            assert found["prior"] == variants["no_evidence"]["headlines"][at]
            assert found["early"] == variants[cut["variant"]]["headlines"][at]
            assert found["full"] == report["headlines"][at]["base"]
            assert found["verdict"] == verdict(found["prior"], found["early"], found["full"])
    assert cuts[0]["hypotheses"]["H1"]["verdict"] == "same_way"


def test_dates_part_the_evidence_with_weight_on_either_side(document):
    base = parse_model(document)
    used = [entry for belief in posteriors(base) for entry in belief.used]
    total = sum(abs(entry.weight * entry.shrink) for entry in used)
    for cut in cut_dates(base):
        early = sum(abs(entry.weight * entry.shrink) for entry in used if entry.item.publication_date <= cut)
        assert MINIMUM_SHARE * total <= early <= (1 - MINIMUM_SHARE) * total
    for each in document["evidence"]:
        each["publication_date"] = "2024-05-05"
    assert cut_dates(parse_model(document)) == []


def test_of_many_years_at_most_six_ends_are_taken(document):
    document["settings"]["evidence"]["max_age_years"] = 40
    for index, each in enumerate(document["evidence"]):
        each["publication_date"] = f"{2000 + index}-06-30"
    cuts = cut_dates(parse_model(document))
    assert 3 <= len(cuts) <= 6
    assert all(cut == date(cut.year, 12, 31) for cut in cuts)


def test_where_the_chosen_sources_are_all_of_one_type_nothing_is_left_without_it(document):
    sources = [each["source"] for each in document["evidence"] if each["source_type"] == "think_tank"]
    document["run"]["evidence_filter"]["sources"] = sources
    found = by_key(reported(document))
    assert found["without:think_tank"]["headlines"] == found["no_evidence"]["headlines"]
    assert "without:academic_paper" not in found


def test_without_evidence_or_with_part_of_the_hypotheses_there_is_still_a_report(study):
    study["run"]["hypotheses"] = ["H1", "H5"]
    report = reported(study)
    assert report["historical"]["cuts"] == []
    assert [h["name"] for h in report["headlines"] if h["kind"] == "hypothesis"] == ["H1", "H5"]
    assert sorted(h["name"] for h in report["headlines"] if h["kind"] == "scenario") == ["AA", "AB", "BA", "BB"]
    statuses = {key: each["status"] for key, each in by_key(report).items()}
    assert statuses["equal_weights"] == statuses["quality_threshold:0.6"] == "same_as_base"
    assert statuses["priors:even"] == "ran"


def test_a_posterior_that_the_model_gives_stays(document):
    document["hypotheses"][0]["posterior_probability"] = 0.8
    report = reported(document)
    at = [headline["name"] for headline in report["headlines"]].index("H1")
    base = report["headlines"][at]["base"]
    for key in ("priors:published", "evidence_for:B"):
        assert by_key(report)[key]["headlines"][at] == pytest.approx(base, abs=0.03)


def test_published_priors_move_nothing_where_the_model_gives_every_posterior(document):
    for hypothesis in document["hypotheses"]:
        hypothesis["posterior_probability"] = 0.6
    report = reported(document)
    published = by_key(report)["priors:published"]
    assert published["status"] == "not_run"
    assert published["reason"] == "the model gives every posterior itself, and no prior counts"
    assert all(each["moves"]["overall"]["variant"] != "priors:published" for each in report["headlines"])


def test_the_precision_told_is_the_one_computed_in(report, document):
    """Observations need float64 (MODEL.md 4)."""
    assert report["metadata"]["dtype"] == "float32"
    document["run"]["observations"] = [{"hypothesis": "H2", "outcome": "A", "from_year": 2040}]
    assert reported(document)["metadata"]["dtype"] == "float64"


@pytest.mark.parametrize(("allowed", "expected"), [(5_000_000, 65_536), (10_000, 10_000)])
def test_without_a_choice_there_are_as_many_iterations_as_the_model_allows(document, allowed, expected):
    document["settings"]["monte_carlo"]["max_iterations"] = allowed
    assert default_iterations(parse_model(document)) == expected
    if allowed < 65_536:
        assert reported(document, iterations=None)["metadata"]["iterations"] == 12_288


def test_a_variant_that_cannot_be_run_says_why(document):
    document["run"]["observations"] = [
        {"hypothesis": code, "outcome": "A", "from_year": 2050} for code in ("H1", "H3", "H5")
    ]
    never = dict.fromkeys(PUBLISHED, 1e-300)
    variant = by_key(reported(document, published_priors=never))["priors:published"]
    assert (variant["status"], variant["headlines"]) == ("not_run", None)
    assert "probability 0 in 2050" in variant["reason"]


def test_the_published_priors_are_tried_only_where_there_is_one_for_every_hypothesis(document):
    few = {code: p for code, p in PUBLISHED.items() if code != "H6"}
    variant = next(each for each in variants(parse_model(document), few) if each.key == "priors:published")
    assert variant.document is None
    assert variant.obstacle == "the published study has no prior for H6"
    assert all(each.key != "priors:published" for each in variants(parse_model(document), None))


def test_what_cannot_be_used_is_refused(document):
    with pytest.raises(ModelError, match=r"priors\.H1"):
        reported(document, published_priors=PUBLISHED | {"H1": 1.5})
    with pytest.raises(ModelError, match=r"run\.iterations"):
        reported(document, iterations=0)
    document["run"]["interventions"] = [{"hypothesis": "H2", "outcome": "B", "from_year": 2030}]
    document["run"]["observations"] = [{"hypothesis": "H2", "outcome": "A", "from_year": 2040}]
    with pytest.raises(ImpossibleObservation):
        reported(document)


def test_progress_is_told_and_the_report_can_be_stopped_between_runs(report, document):
    seen = []
    with pytest.raises(Stopped):
        reported(document, on_progress=lambda *step: seen.append(step), should_stop=lambda: len(seen) == 3)
    total = len(report["variants"]) + 1
    assert seen == [(1, total), (2, total), (3, total)]


def test_the_report_is_plain_json_and_the_same_each_time(report, document):
    steps = []
    again = reported(document, threads=2, on_progress=lambda *step: steps.append(step))
    assert steps == [(done, len(report["variants"]) + 1) for done in range(1, len(report["variants"]) + 2)]
    assert json.loads(json.dumps(again)) == again
    assert again | {"computation_time": 0} == report | {"computation_time": 0}
    assert again["schema"] == "aifutures.robustness/1"


def test_equal_hashes_are_equal_reports(document):
    def digest(change):
        changed = copy.deepcopy(document)
        change(changed)
        return report_hash(parse_model(changed), {"iterations": ITERATIONS, "published_priors": PUBLISHED})

    same = digest(lambda document: None)
    assert digest(lambda document: document["hypotheses"][0].update(outcome_a="Other words")) != same
    assert digest(lambda document: document["evidence"][0].update(source_type="survey")) != same
    document["name"] = document["evidence"][0]["title"] = document["hypotheses"][0]["label"] = "Secret"
    assert digest(lambda document: None) == same
    assert "Secret" not in json.dumps(reported(document))
