"""The first page: what the published baseline says, or how to get one."""

import re

import pytest
from django.urls import reverse

from analysis.models import Scenario
from analysis.reports import run_report
from analysis.services.model_documents import published_study
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = pytest.mark.django_db

CODES = [row.code for row in published_study().hypotheses]


def result(year=2050, codes=CODES):
    """A result document of 64 scenarios in which ABBABB leads, as far as the page reads it."""
    scenarios = list(Scenario.objects.values_list("code", flat=True))
    probabilities = {code: 0.3 if code == "ABBABB" else 0.7 / 63 for code in scenarios}
    spread = {"q05": 0.01, "q50": 0.1, "q95": 0.4}
    named = [
        {"name": "Adaptive Integration", "scenarios": ["ABBABB"]},
        {"name": "Constrained Evolution", "scenarios": [code for code in scenarios if code != "ABBABB"]},
    ]
    return {
        "scenario_probabilities": probabilities,
        "scenario_intervals": dict.fromkeys(scenarios, spread),
        "temporal_evolution": [
            {
                "year": year,
                "hypotheses": {code: {"mean": 0.2, "q05": 0.1, "q50": 0.2, "q95": 0.45} for code in codes},
                "clusters": {"Adaptive Integration": 0.3, "Constrained Evolution": 0.7},
                "cluster_intervals": {"Adaptive Integration": spread, "Constrained Evolution": spread},
            }
        ],
        "clusters": {"named": named},
        "convergence": {"converged": True, "iterations": 4096},
        "metadata": {"target_year": year, "as_of": "2026-03-01", "engine_version": "1.0.0", "iterations": 4096},
    }


@pytest.fixture
def baseline():
    return AnalysisRunFactory(
        name="First baseline",
        published=True,
        input_hash="0123456789abcdef" * 4,
        model_document=published_study().to_json(),
        result=result(),
    )


@pytest.fixture
def read(client):
    def as_role(role):
        client.force_login(UserFactory(role=role))
        response = client.get(reverse("home"))
        text = re.sub(r"<[^>]+>", " ", response.content.decode())
        return response.status_code, " ".join(re.sub("[\u202f\u202f]|&#8239;", " ", text).split())

    return as_role


def test_strangers_sign_in_first(client):
    response = client.get(reverse("home"))
    assert response.status_code == 302
    assert response.url.startswith(reverse("login"))


def test_who_has_no_role_is_refused(read):
    assert read(None)[0] == 403


@pytest.mark.parametrize("role", ["viewer", "analyst", "curator", "admin"])
def test_without_a_baseline_the_page_says_how_to_get_one(read, role):
    status, text = read(role)
    assert status == 200
    assert "No baseline has been published yet" in text
    assert "publish_run RUN_ID" in text


@pytest.mark.sqlite
@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_the_page_says_what_the_baseline_says(read, baseline, role):
    status, text = read(role)
    title = Scenario.objects.get(code="ABBABB").title
    assert status == 200
    assert (
        "Most likely in 2050: accelerating progress, AI stays narrow, AI displaces workers, effective control, "
        "centralised in few, authoritarian control"
    ) in text
    assert f"The model finds {title} the likeliest of 64 scenarios, at 30 % (90 % interval 1.0–40 %)." in text
    assert f"{title} ABBABB Adaptive Integration 30 % 1.0–40 %" in text
    assert "AGI Achievement AI stays narrow rather than AGI achieved; likely 80 % 55–90 %" in text
    assert "Constrained Evolution 63 70 % 1.0–40 %" in text
    assert "run First baseline" in text
    assert "4,096 iterations, converged; input 0123456789ab , engine 1.0.0" in text


def test_the_page_takes_few_queries(client, baseline, django_assert_max_num_queries):
    client.force_login(UserFactory(role="viewer"))
    with django_assert_max_num_queries(9):
        client.get(reverse("home"))


def test_ten_scenarios_are_shown_the_likeliest_first(baseline):
    report = run_report(run=baseline)
    assert len(report.scenarios) == 10
    assert report.likeliest.code == "ABBABB"
    assert report.scale == 0.4


def test_a_run_on_some_hypotheses_in_an_earlier_year_is_reported_as_such(baseline):
    part = result(year=2040, codes=["H1", "H2"])
    part["scenario_probabilities"] = {"AA": 0.1, "AB": 0.6, "BA": 0.2, "BB": 0.1}
    part["scenario_intervals"] = {code: {"q05": 0.0, "q95": 1.0} for code in part["scenario_probabilities"]}
    report = run_report(run=AnalysisRunFactory(succeeded=True, model_document=baseline.model_document, result=part))
    assert (report.target_year, report.number) == (2040, 4)
    assert report.outcomes == ["accelerating progress", "AI stays narrow"]
    assert [row.label for row in report.hypotheses] == ["AI Progress", "AGI Achievement"]
    assert report.likeliest.cluster is None


def test_a_cached_run_reports_the_result_of_its_origin(baseline):
    cached = AnalysisRunFactory(
        succeeded=True, model_document=baseline.model_document, result=None, cached_from=baseline
    )
    assert run_report(run=cached).likeliest.code == "ABBABB"


def test_a_run_without_a_result_has_no_report():
    with pytest.raises(ValueError, match="has no result"):
        run_report(run=AnalysisRunFactory(model_document=published_study().to_json()))
