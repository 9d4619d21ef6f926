"""Families of scenarios: curated patterns, the dendrogram beside them, and how far the two agree."""

import itertools
import math

import numpy as np
import pytest

from analysis.engine.clusters import adjusted_rand, dendrogram, membership
from analysis.engine.simulate import simulate
from analysis.engine.spec import parse_model, scenario_codes
from tests.oracle.documents import document_from_seed
from tests.oracle.enumeration import cluster_of


@pytest.mark.parametrize("seed", range(5))
def test_clusters_take_the_first_pattern_that_fits(seed):
    data = document_from_seed(seed, years=5)
    document = parse_model(data)
    assert [document.clusters[i].name for i in membership(document)] == cluster_of(data)


def test_the_dendrogram_covers_every_scenario_once(study):
    clusters = simulate(parse_model(study))["clusters"]
    tree = clusters["dendrogram"]
    assert sorted(tree["leaves"]) == scenario_codes(6)
    assert len(tree["linkage"]) == 63
    assert sum(tree["hypothesis_weights"].values()) == pytest.approx(1)
    assert sum(group["probability"] for group in tree["groups"]) == pytest.approx(1)
    assert sum(cluster["probability"] for cluster in clusters["named"]) == pytest.approx(1)


def test_the_dendrogram_stands_a_hypothesis_that_is_certain():
    data = document_from_seed(10, hypotheses=4, years=5, influences=7, model="dependency_network", feedback_loops=True)
    data["run"] |= {"iterations": 4096, "hypotheses": None}
    tree = simulate(parse_model(data))["clusters"]["dendrogram"]
    assert len(tree["linkage"]) == 15


def two_hypotheses(study, *patterns):
    data = study | {"hypotheses": study["hypotheses"][:2], "influences": []}
    data["clusters"] = [{"name": f"cluster {i}", "pattern": pattern} for i, pattern in enumerate(patterns)]
    return parse_model(data)


def three_to_one():
    """AA, AB, BA, BB where the first hypothesis weighs 3/4 and the second 1/4: p (1 - p) is 1/4 and 1/12."""
    p = (1 - math.sqrt(2 / 3)) / 2
    return np.array([1 - p, p, 1 - p, p]) / 2


def test_the_tree_of_four_scenarios_by_hand(study):
    tree = dendrogram(two_hypotheses(study, "A*", "**"), three_to_one())
    assert tree["hypothesis_weights"] == pytest.approx({"H1": 0.75, "H2": 0.25})
    assert [row[2] for row in tree["linkage"]] == pytest.approx([0.25, 0.25, 0.875])
    assert [group["scenarios"] for group in tree["groups"]] == [["AA", "AB"], ["BA", "BB"]]
    assert [group["probability"] for group in tree["groups"]] == pytest.approx([0.5, 0.5])
    # distances 1/4 3/4 1 1 3/4 1/4, in the tree 1/4 7/8 7/8 7/8 7/8 1/4
    assert tree["cophenetic_correlation"] == pytest.approx(math.sqrt(25 / 28))


def test_the_tree_agrees_with_the_clusters_that_divide_as_it_does(study):
    agreement = dendrogram(two_hypotheses(study, "A*", "**"), three_to_one())["agreement"]
    assert agreement == pytest.approx({"scenarios": 1.0, "futures": 1.0})
    across = dendrogram(two_hypotheses(study, "*A", "**"), three_to_one())["agreement"]
    # of 6 pairs each divides 2 together, none the same; independent hypotheses agree by chance alone
    assert across == pytest.approx({"scenarios": -0.5, "futures": 0.0}, abs=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0, 0, 1, 1], [1, 1, 0, 0], 1.0),
        ([0, 0, 1, 2], [0, 0, 1, 1], 4 / 7),
        ([0, 0, 1, 1], [0, 1, 0, 1], -0.5),
        ([0, 0, 0, 0], [0, 1, 2, 3], 0.0),
        ([0, 0, 0, 0], [0, 0, 0, 0], 1.0),
        ([0, 1, 2, 3], [0, 1, 2, 3], 1.0),
    ],
)
def test_adjusted_rand_by_hand(first, second, expected):
    assert adjusted_rand(np.array(first), np.array(second)) == pytest.approx(expected)


def test_weighted_adjusted_rand_is_that_of_independent_pairs():
    rng = np.random.default_rng(2)
    first, second, p = rng.integers(0, 3, 20), rng.integers(0, 4, 20), rng.dirichlet(np.ones(20))
    both = one = other = 0.0
    for i, j in itertools.product(range(20), repeat=2):
        both += p[i] * p[j] * (first[i] == first[j] and second[i] == second[j])
        one += p[i] * p[j] * (first[i] == first[j])
        other += p[i] * p[j] * (second[i] == second[j])
    expected = (both - one * other) / ((one + other) / 2 - one * other)
    assert adjusted_rand(first, second, p) == pytest.approx(expected)


def test_things_without_probability_do_not_bear_on_the_weighted_agreement():
    first, second = np.array([0, 0, 1, 1, 0, 1]), np.array([1, 1, 0, 0, 0, 1])
    assert adjusted_rand(first, second, np.array([0.1, 0.2, 0.3, 0.4, 0, 0])) == pytest.approx(1)
    assert adjusted_rand(first, second, np.array([0.4, 0.6, 0, 0, 0, 0])) == 1
