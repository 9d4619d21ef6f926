"""The Bayesian processor against the oracle's literal sums, and its properties (MODEL.md 1)."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.engine.posterior import discount, posteriors
from analysis.engine.spec import parse_model
from tests.oracle.documents import document_from_seed, documents
from tests.oracle.enumeration import evidence_summary, posterior


@settings(max_examples=60, deadline=None, derandomize=True)
@given(documents(years=st.integers(2, 76), items=st.integers(0, 20)))
def test_posteriors_agree_with_the_oracle(document):
    found = posteriors(parse_model(document))
    np.testing.assert_allclose([(b.mu, b.sd) for b in found], posterior(document), rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(found, evidence_summary(document), strict=True):
        assert dict(ours.excluded) == theirs.left_out
        assert {e.item.id: pytest.approx((e.weight, e.shrink)) for e in ours.used} == theirs.used


def test_a_quality_exactly_at_the_threshold_reaches_it(study):
    """0.3 x 0 + 0.3 x 0.6 + 0.2 x 0.7 + 0.2 x 0.4 is 0.4, though not in binary."""
    scores = {"authority": 0.0, "methodology": 0.6, "recency": 0.7, "replication": 0.4}
    study["evidence"] = [
        {
            "id": "e1",
            "hypothesis": "H1",
            "direction": "A",
            "strength": 0.5,
            "quality_scores": scores,
            "publication_date": "2025-01-01",
            "dependency_group": "",
        }
    ]
    assert posteriors(parse_model(study))[0].excluded == ()


@pytest.mark.parametrize("correlation", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_discounts_sum_to_kishs_effective_number(count, correlation):
    assert discount(count, correlation).sum() == pytest.approx(count / (1 + (count - 1) * correlation))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from("AB"), st.floats(0, 1), st.sampled_from(["", "labs", "surveys"]))
def test_adding_evidence_never_lowers_the_odds_of_what_it_speaks_for(seed, direction, strength, group):
    document = document_from_seed(seed, years=26, items=12)
    document["run"]["evidence_filter"] = {"quality_min": None, "sources": [], "hypothesis": None}
    more = copy.deepcopy(document)
    code = document["hypotheses"][0]["code"]
    more["evidence"].append(
        {
            "id": "added",
            "hypothesis": code,
            "direction": direction,
            "strength": strength,
            "quality_scores": {"authority": 0.9, "methodology": 0.9, "recency": 0.9, "replication": 0.9},
            "publication_date": "2025-06-01",
            "dependency_group": group,
        }
    )
    before, after = posteriors(parse_model(document))[0], posteriors(parse_model(more))[0]
    change = after.mu - before.mu
    assert (change if direction == "A" else -change) >= -1e-12
