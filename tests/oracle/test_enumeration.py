"""The oracle against closed forms, hand-computed cases and itself (MODEL.md 9)."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal, localcontext
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from tests.oracle import enumeration as oracle
from tests.oracle.documents import MODELS, Document, document_from_seed, documents

PUBLISHED = Path(__file__).parents[2] / "analysis" / "seeds" / "published_study.json"

some = settings(max_examples=30, deadline=None, derandomize=True)
near = partial(pytest.approx, rel=0, abs=1e-13)

Link = tuple[str, str, float]
"""An influence in short: ("H1A", "H2B", strength)."""
State = tuple[int, ...]
"""1 where a hypothesis is at A."""


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def plain(hypotheses: int, links: Iterable[Link] = (), **network: Any) -> Document:
    """A document without evidence, run or extremes."""
    sizes = {"influences": 0, "items": 0, "interventions": 0, "observations": 0}
    document = document_from_seed(7, hypotheses=hypotheses, years=10, **sizes)
    for source, target, strength in links:
        ends = {"source": source[:2], "target": target[:2]}
        outcomes = {"source_outcome": source[2], "target_outcome": target[2]}
        document["influences"].append(ends | outcomes | {"strength": strength})
    published = json.loads(PUBLISHED.read_text())["settings"]
    document["settings"] = published | {"causal_network": published["causal_network"] | network}
    return document


def starting(document: Document, hypothesis: str, outcome: str, last: bool = False) -> list[dict[str, Any]]:
    """One intervention or observation from the base year on, or in the last year only."""
    year = document["end_year" if last else "base_year"]
    return [{"hypothesis": hypothesis, "outcome": outcome, "from_year": year}]


def at_end(document: Document, theta: list[float]) -> oracle.Floats:
    """The joint in the end year, where theta_h(t) is theta_h itself."""
    midpoint = [hypothesis["midpoint_year"] for hypothesis in document["hypotheses"]]
    strengths = [influence["strength"] for influence in document["influences"]]
    return oracle.joint(document, theta, midpoint, strengths, document["end_year"])


def item(key: str, **changes: Any) -> dict[str, Any]:
    scores = {"authority": 0.8, "methodology": 0.6, "recency": 0.5, "replication": 0.4}
    return {
        "id": key,
        "hypothesis": "H1",
        "direction": "A",
        "strength": 0.5,
        "quality_scores": scores,
        "publication_date": "2024-03-01",
        "dependency_group": "",
    } | changes


def with_evidence(items: list[dict[str, Any]], **changes: Any) -> Document:
    document = plain(2)
    document["evidence"] = items
    document["run"]["evidence_filter"] = {"quality_min": None, "sources": [], "hypothesis": None} | changes
    document["hypotheses"][0]["prior_probability"] = 0.3
    return document


# Evidence


def test_one_item_by_hand() -> None:
    [(mu, sd), _] = oracle.posterior(with_evidence([item("a", direction="B")]))
    quality = 0.3 * 0.8 + 0.3 * 0.6 + 0.2 * 0.5 + 0.2 * 0.4
    assert mu == near(math.log(0.3 / 0.7) - math.log(10) * 0.5 * quality * (1 + 0.2 * 0.4))
    assert sd == near(math.hypot(0.25, math.log(10) * 0.5 * (1 - quality)))


@pytest.mark.parametrize(("group", "r"), [("one", 0.5), ("", 0.1)])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_equal_weights_give_kishs_design_effect(count: int, group: str, r: float) -> None:
    document = with_evidence([item(f"e{k}", dependency_group=group) for k in range(count)])
    found = oracle.evidence_summary(document)[0]
    assert sum(shrink for _, shrink in found.used.values()) == near(count / (1 + (count - 1) * r))


def test_discount_of_full_correlation_and_of_none() -> None:
    assert [oracle.discount(k, 1.0) for k in (1, 2, 3)] == [1, 0, 0]
    assert [oracle.discount(k, 0.0) for k in (1, 2, 3)] == [1, 1, 1]


def test_two_groups_by_hand() -> None:
    """The stronger group leads; within it the stronger item; the sides do not see each other."""
    items = [item("a", strength=0.2, dependency_group="x"), item("b", strength=0.9, dependency_group="x")]
    items += [item("c", strength=0.5), item("d", strength=1.0, direction="B", dependency_group="x")]
    found = oracle.evidence_summary(with_evidence(items))[0]
    second_within, second_between = 0.5 / 1.5, 0.9 / 1.1
    shrink = {"a": second_within, "b": 1.0, "c": second_between, "d": 1.0}
    assert {key: value for key, (_, value) in found.used.items()} == near(shrink)
    noise = {"a": 0.2, "b": 0.9, "c": 0.5, "d": 1.0}
    a, b, c, d = (math.log(10) * 0.4 * noise[key] * shrink[key] for key in "abcd")
    variance = 0.25**2 + a * a + b * b + c * c + a * b + 0.2 * (a * c + b * c) + d * d
    assert found.sd == near(math.sqrt(variance))


@pytest.mark.parametrize(
    ("changes", "chosen", "reason"),
    [
        ({"publication_date": "2026-03-02"}, {}, "future"),
        ({"publication_date": "2026-03-01"}, {}, None),
        ({"publication_date": "2016-02-28"}, {}, "too_old"),
        ({"publication_date": "2016-03-02"}, {}, None),
        (
            {"quality_scores": dict.fromkeys(("authority", "methodology", "recency", "replication"), 0.39)},
            {},
            "low_quality",
        ),
        ({}, {"quality_min": 0.61}, "filtered"),
        ({}, {"quality_min": 0.59}, None),
        ({"source": "Y"}, {"sources": ["X"]}, "filtered"),
        ({"source": "X"}, {"sources": ["X"]}, None),
        ({}, {"hypothesis": "H2"}, "filtered"),
        ({}, {"hypothesis": "H1"}, None),
    ],
)
def test_reasons_to_leave_out(changes: dict[str, Any], chosen: dict[str, Any], reason: str | None) -> None:
    found = oracle.evidence_summary(with_evidence([item("a", **changes)], **chosen))[0]
    assert (found.left_out.get("a"), "a" in found.used) == (reason, reason is None)


def test_recency_comes_from_the_date_unless_given() -> None:
    scores = {"authority": 1.0, "methodology": 1.0, "replication": 0.0, "recency": None}
    document = with_evidence([item("a", quality_scores=scores)])
    quality = 0.6 + 0.2 * (1 - 730 / 365.25 / 10)
    assert oracle.evidence_summary(document)[0].used["a"][0] == near(math.log(10) * 0.5 * quality)


@some
@given(documents(items=st.integers(1, 20)), st.sampled_from("AB"))
def test_more_evidence_for_an_outcome_never_lowers_its_odds(document: Document, direction: str) -> None:
    before = [mu for mu, _ in oracle.posterior(document)]
    document["evidence"].append(document["evidence"][0] | {"id": "added", "direction": direction})
    change = np.array([mu for mu, _ in oracle.posterior(document)]) - before
    assert (change * (1 if direction == "A" else -1) >= -1e-12).all()


# Time


def exact_share(t: int, base: int, end: int, midpoint: float, speed: float) -> float:
    """G from the literal logistic, with digits enough that nothing cancels."""
    with localcontext() as context:
        context.prec = 700
        low, now, high = (
            1 / (1 + (-Decimal(speed) * (Decimal(year) - Decimal(midpoint))).exp()) for year in (base, t, end)
        )
        if abs(high - low) < Decimal(10) ** -9:
            return (t - base) / (end - base)
        return float((now - low) / (high - low))


@some
@given(documents(years=st.integers(2, 76)), st.data())
def test_time_is_the_literal_logistic_at_any_extreme(document: Document, data: st.DataObject) -> None:
    base, end = document["base_year"], document["end_year"]
    year = data.draw(st.integers(base, end))
    theta = np.ones(len(document["hypotheses"]))
    midpoint = [hypothesis["midpoint_year"] for hypothesis in document["hypotheses"]]
    found = oracle.theta_at(document, theta, midpoint, year)
    for h, hypothesis in enumerate(document["hypotheses"]):
        initial = oracle.logit(hypothesis["initial_probability"])
        share = exact_share(year, base, end, midpoint[h], hypothesis["speed"])
        assert found[h] == pytest.approx(initial + share * (1 - initial), abs=1e-11)


@pytest.mark.parametrize("rise", [0.9e-9, 1.1e-9])
def test_time_turns_linear_below_its_threshold(rise: float) -> None:
    document = plain(2)
    end, base = document["end_year"], document["base_year"]
    # Far before the midpoint L is e^(speed (t - midpoint)), and its value at base next to nothing.
    midpoint = end + math.log(1 / rise) / 0.5
    for hypothesis in document["hypotheses"]:
        hypothesis.update(speed=0.5, initial_probability=0.5)
    found = oracle.theta_at(document, [1.0, 1.0], [midpoint, midpoint], end - 3)
    assert found == pytest.approx(exact_share(end - 3, base, end, midpoint, 0.5), abs=1e-11)
    assert (found == 6 / 9).all() == (rise < 1e-9)


def test_a_single_year_shows_the_state_of_affairs_at_base() -> None:
    document = plain(2)
    document["end_year"] = document["base_year"]
    initial = [oracle.logit(hypothesis["initial_probability"]) for hypothesis in document["hypotheses"]]
    assert oracle.theta_at(document, [9.0, 9.0], [2030, 2030], document["base_year"]) == near(initial)


# Causal network


@some
@given(documents())
def test_every_joint_is_a_distribution(document: Document) -> None:
    dimensions = 2 * len(document["hypotheses"]) + len(document["influences"])
    draws = oracle.inputs(document, np.random.default_rng(1).standard_normal((2, dimensions)))
    p = oracle.draw_joints(document, draws, [document["run"]["target_year"]])
    assert (p >= 0).all()
    assert p.sum(axis=2) == pytest.approx(1, abs=1e-12)
    assert oracle.closed_form(document, [document["end_year"]]).sum() == pytest.approx(1, abs=1e-12)


def test_components_and_the_cut_of_feedback() -> None:
    edges = [(0, 1), (1, 2), (2, 1), (2, 3), (4, 3), (3, 4), (4, 5)]
    assert oracle.components(6, edges) == [[0], [1, 2], [3, 4], [5]]
    links = [("H1A", "H2A", 0.2), ("H2A", "H3A", 0.5), ("H3A", "H1A", 0.5)]
    links += [("H1B", "H2B", 0.6), ("H2A", "H1A", 0.1)]
    for network in ({"model": "bayesian_network"}, {"enable_feedback_loops": False}):
        document = plain(3, links, **network)
        assert sorted(oracle.influences_in_force(document, document["end_year"])) == [0, 1, 3]


def test_independent_model_is_the_product() -> None:
    theta = [0.3, -1.2, 2.0]
    expected = [
        math.prod(sigmoid(t if letter == "A" else -t) for t, letter in zip(theta, code, strict=True))
        for code in product("AB", repeat=3)
    ]
    links = [("H1A", "H2A", 0.9), ("H2A", "H1B", 0.9)]
    assert at_end(plain(3, links, model="independent"), theta) == near(expected)
    assert at_end(plain(3, links, strength_multiplier=0.0), theta) == near(expected)


@pytest.mark.parametrize("centred", [True, False])
def test_two_hypotheses_by_hand(centred: bool) -> None:
    document = plain(2, [("H1B", "H2B", 0.8)], center_influences=centred, strength_multiplier=1.5)
    p1, c = sigmoid(0.4), 1 if centred else 0
    if_a = sigmoid(-0.7 - 1.5 * 0.8 * (0 - c * (1 - p1)))
    if_b = sigmoid(-0.7 - 1.5 * 0.8 * (1 - c * (1 - p1)))
    expected = [p1 * if_a, p1 * (1 - if_a), (1 - p1) * if_b, (1 - p1) * (1 - if_b)]
    assert at_end(document, [0.4, -0.7]) == near(expected)


@pytest.mark.parametrize("theta", [[0.4, -0.7], [13.8, -13.8], [-40.0, 3.0]])
def test_a_loop_of_two_has_its_closed_form(theta: list[float]) -> None:
    links = [("H1A", "H2A", 0.9), ("H2A", "H1B", 0.7), ("H2B", "H1A", 0.4)]
    document = plain(2, links, center_influences=False)
    one_if = {"A": sigmoid(theta[0] - 0.7), "B": sigmoid(theta[0] + 0.4)}
    two_if = {"A": sigmoid(theta[1] + 0.9), "B": sigmoid(theta[1])}
    slope = one_if["A"] - one_if["B"]
    # P(H1) from H2's stationary marginal, then H2 given H1: the scan ends with H2.
    p1 = (one_if["B"] + slope * two_if["B"]) / (1 - slope * (two_if["A"] - two_if["B"]))
    expected = [p1 * two_if["A"], p1 * (1 - two_if["A"])]
    expected += [(1 - p1) * two_if["B"], (1 - p1) * (1 - two_if["B"])]
    assert at_end(document, theta) == near(expected)


def scan(document: Document, theta: list[float], p: dict[State, float]) -> dict[State, float]:
    """One Gibbs sweep over all hypotheses, written with scalars."""
    for h, alone in enumerate(theta):
        swept: dict[State, float] = defaultdict(float)
        for x, mass in p.items():
            z = alone
            for influence in document["influences"]:
                source, source_at_a = int(influence["source"][1]) - 1, influence["source_outcome"] == "A"
                if int(influence["target"][1]) - 1 == h:
                    pi = sigmoid(theta[source] if source_at_a else -theta[source])
                    z += (
                        (1 if influence["target_outcome"] == "A" else -1)
                        * influence["strength"]
                        * ((x[source] == source_at_a) - pi)
                    )
            swept[(*x[:h], 1, *x[h + 1 :])] += mass * sigmoid(z)
            swept[(*x[:h], 0, *x[h + 1 :])] += mass * sigmoid(-z)
        p = swept
    return p


LOOP = [("H1A", "H2A", 0.9), ("H2B", "H3A", 0.7), ("H3A", "H1B", 0.8), ("H3B", "H2B", 0.3)]


@pytest.mark.parametrize("sweeps", [1, 2, 60])
def test_a_loop_of_three_is_swept_from_the_product(sweeps: int) -> None:
    theta = [0.5, -0.3, 1.1]
    document = plain(3, LOOP, max_iterations=sweeps, convergence_epsilon=1e-15)
    cases = list(product((1, 0), repeat=3))
    p = {x: math.prod(sigmoid(t if on else -t) for t, on in zip(theta, x, strict=True)) for x in cases}
    for _ in range(sweeps):
        p = scan(document, theta, p)
    assert at_end(document, theta) == near([p[x] for x in cases])


def test_sweeps_stop_for_each_draw_by_itself_and_reach_the_stationary_distribution() -> None:
    x, pull = oracle.states(3), np.array([[4.0], [0.0], [2.0]])
    z = [0.05 * pull + pull * x[:, (h + 1) % 3] for h in range(3)]
    kernel = oracle.gibbs_kernel([0, 1, 2], np.arange(8), x, z)
    assert kernel.sum(axis=2) == near(1)
    start = np.full((3, 8), 1 / 8)
    p, _, converged = oracle.iterate(kernel, start, 1e-9, 500)
    assert converged.all()
    assert p == pytest.approx(oracle.stationary(kernel), abs=1e-7)

    limit = 5
    p, sweeps, converged = oracle.iterate(kernel, start, 1e-2, limit)
    for draw in range(3):
        path = [start[draw] @ np.linalg.matrix_power(kernel[draw], k) for k in range(limit + 1)]
        small = [k for k in range(1, limit + 1) if np.abs(path[k] - path[k - 1]).max() < 1e-2]
        assert sweeps[draw] == min(small, default=limit)
        assert converged[draw] == bool(small)
        assert p[draw] == near(path[sweeps[draw]])
    assert sweeps[1] < sweeps[2] < sweeps[0]


@some
@given(st.integers(2, 5), st.integers(0, 999))
def test_stationary_distributions_are_left_by_the_kernel(n: int, seed: int) -> None:
    z = list(np.random.default_rng(seed).normal(0, 6, (n, 3, 2**n)))
    kernel = oracle.gibbs_kernel(range(n), np.arange(2**n), oracle.states(n), z)
    p = oracle.stationary(kernel)
    assert np.einsum("dk,dkl->dl", p, kernel) == pytest.approx(p, rel=1e-11)


def test_log_linear_by_brute_force() -> None:
    theta, links = [0.5, -0.3, 1.1], [*LOOP, ("H1B", "H3B", 0.4)]
    document = plain(3, links, model="log_linear", strength_multiplier=1.3)

    def brute(kept: list[Link], allowed: tuple[str, ...]) -> list[float]:
        weights = []
        for code in product("AB", repeat=3):
            energy = sum(t for t, letter in zip(theta, code, strict=True) if letter == "A")
            for source, target, strength in kept:
                ends = []
                for end in (source, target):
                    h, outcome = int(end[1]) - 1, end[2]
                    ends.append((code[h] == outcome) - sigmoid(theta[h] if outcome == "A" else -theta[h]))
                energy += 1.3 * strength * ends[0] * ends[1]
            weights.append(math.exp(energy) if code[1] in allowed else 0.0)
        return [weight / sum(weights) for weight in weights]

    assert at_end(document, theta) == near(brute(links, ("A", "B")))
    document["run"]["interventions"] = starting(document, "H2", "B", last=True)
    without = [link for link in links if not link[1].startswith("H2")]
    assert at_end(document, theta) == near(brute(without, ("B",)))


# Interventions and observations


def test_an_intervention_cuts_what_leads_into_it_and_keeps_the_centre() -> None:
    document = plain(2, [("H1A", "H2A", 0.9), ("H2A", "H1A", 0.7)])
    document["run"]["interventions"] = starting(document, "H1", "A", last=True)
    p2 = sigmoid(-0.7 + 0.9 * (1 - sigmoid(0.4)))
    assert at_end(document, [0.4, -0.7]) == near([p2, 1 - p2, 0, 0])
    document["run"]["interventions"][0]["from_year"] += 1
    assert (at_end(document, [0.4, -0.7]) > 0).all()


def test_feedback_is_cut_before_the_intervention() -> None:
    """H2 -> H1 loses to H1 -> H2 on the whole model, and does not come back when H2 is held."""
    document = plain(2, [("H1A", "H2A", 0.9), ("H2A", "H1A", 0.7)], model="bayesian_network")
    document["run"]["interventions"] = starting(document, "H2", "A")
    assert at_end(document, [0.4, -0.7]) == near([sigmoid(0.4), 0, sigmoid(-0.4), 0])


@pytest.mark.parametrize("model", MODELS)
def test_an_observation_conditions_each_year_by_itself(model: str) -> None:
    document = plain(3, LOOP, model=model)
    before = oracle.closed_form(document)
    document["run"]["observations"] = starting(document, "H2", "B", last=True)
    after = oracle.closed_form(document)
    assert (after[:-1] == before[:-1]).all()
    agrees = np.array([code[1] == "B" for code in product("AB", repeat=3)])
    assert after[-1] == near(before[-1] * agrees / before[-1][agrees].sum())


def test_an_impossible_observation_is_an_error() -> None:
    document = plain(2)
    document["run"]["interventions"] = starting(document, "H1", "A")
    document["run"]["observations"] = starting(document, "H1", "B", last=True)
    with pytest.raises(ValueError, match=f"probability 0 in {document['end_year']}"):
        oracle.closed_form(document)


# Monte Carlo


def test_inputs_are_scaled_clipped_and_cut() -> None:
    document = plain(2, [("H1A", "H2A", 0.8)], strength_cv=0.5)
    for hypothesis in document["hypotheses"]:
        hypothesis.update(prior_probability=0.5, midpoint_year=document["base_year"], midpoint_sd=20.0)
    document["settings"]["evidence"]["model_discrepancy_sd"] = 0.3
    [(theta, midpoint, strengths)] = oracle.inputs(document, np.array([[1.0, -2.0, 0.5, -3.0, -2.5]]))
    assert list(theta) == pytest.approx([0.3, -0.6])
    assert list(midpoint) == [document["base_year"] + 10, document["base_year"] - 50]
    assert list(strengths) == [0]


def test_without_uncertainty_the_estimate_is_the_closed_form() -> None:
    document = plain(3, LOOP, strength_cv=0.0)
    document["settings"]["evidence"]["model_discrepancy_sd"] = 0.0
    for hypothesis in document["hypotheses"]:
        hypothesis["midpoint_sd"] = 0.0
    mean, error = oracle.estimate(document, 300, np.random.default_rng(1))
    assert mean == near(oracle.closed_form(document))
    assert error == near(0)


def test_the_estimate_is_within_its_error_of_quadrature() -> None:
    """Independent, so conditioning on H1 leaves the others' means: sigmoid(mu + sd Z) by Gauss-Hermite."""
    document = plain(3, model="independent")
    document["settings"]["evidence"]["model_discrepancy_sd"] = 0.8
    for hypothesis, probability in zip(document["hypotheses"], (0.3, 0.6, 0.9), strict=True):
        hypothesis["prior_probability"] = probability
    end = document["end_year"]
    document["run"]["observations"] = starting(document, "H1", "B", last=True)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    p2, p3 = (weights @ expit(oracle.logit(p) + 0.8 * nodes) / weights.sum() for p in (0.6, 0.9))
    expected = np.array([0, 0, 0, 0, p2 * p3, p2 * (1 - p3), (1 - p2) * p3, (1 - p2) * (1 - p3)])
    mean, error = oracle.estimate(document, 4000, np.random.default_rng(1), [end])
    assert (np.abs(mean[0] - expected) <= 4 * error[0]).all()
    assert (error[0, 4:] < 0.005).all()


def test_the_error_of_a_conditioned_estimate_is_the_spread_of_such_estimates() -> None:
    document = plain(3, LOOP)
    document["hypotheses"][1]["prior_probability"] = 0.7
    document["run"]["observations"] = starting(document, "H2", "B", last=True)
    rng, end = np.random.default_rng(1), document["end_year"]
    means, errors = zip(*(oracle.estimate(document, 100, rng, [end]) for _ in range(100)), strict=True)
    agrees = oracle.observed(document, end)
    assert np.std(means, axis=0)[0, agrees] == pytest.approx(np.mean(errors, axis=0)[0, agrees], rel=0.3)


def test_the_published_study() -> None:
    """What MODEL.md 9 asks of it, with every uncertainty at zero and with all of them."""
    document = json.loads(PUBLISHED.read_text())
    priors = [hypothesis["prior_probability"] for hypothesis in document["hypotheses"]]
    codes = ["".join(code) for code in product("AB", repeat=6)]
    sampled, error = oracle.estimate(document, 4000, np.random.default_rng(1), [2050])
    assert (error < 5e-4).all()
    for p in (oracle.closed_form(document, [2050])[0], sampled[0]):
        assert oracle.hypothesis_marginals(p) == pytest.approx(priors, abs=0.015)
        clusters: dict[str, float] = defaultdict(float)
        for name, mass in zip(oracle.cluster_of(document), p, strict=True):
            clusters[name] += mass
        found = [clusters[cluster["name"]] for cluster in document["clusters"]]
        assert found == pytest.approx([0.42, 0.31, 0.27], abs=0.03)
        assert codes[int(p.argmax())] == "ABBABB"
        assert p.max() == pytest.approx(0.11, abs=0.005)


@some
@given(documents())
def test_documents_have_the_published_keys(document: Document) -> None:
    published = json.loads(PUBLISHED.read_text())
    assert document.keys() == published.keys()
    assert document["run"].keys() == published["run"].keys()
    for part in ("evidence", "monte_carlo", "causal_network"):
        assert document["settings"][part].keys() == published["settings"][part].keys()
    for kind in ("hypotheses", "influences", "clusters"):
        assert all(entry.keys() == published[kind][0].keys() for entry in document[kind])
    assert json.loads(json.dumps(document)) == document
