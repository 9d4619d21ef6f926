"""The first page: what the published baseline says, or how to get one."""

import html
import re
from datetime import timedelta

import django_rq
import pytest
from django.urls import reverse

from analysis.models import Scenario
from analysis.news import comparison_question
from analysis.reports import run_report
from analysis.services.derived import answer_fail, answer_keep
from analysis.services.model_documents import published_study
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = pytest.mark.django_db

CODES = [row.code for row in published_study().hypotheses]


def result(year=2050, codes=CODES, posterior=0.2):
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
        "hypothesis_intervals": {code: {"mean": posterior} for code in codes},
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
def later(baseline):
    """The next baseline, in which every outcome A is five points likelier."""
    return AnalysisRunFactory(
        name="Second baseline",
        published=True,
        published_at=baseline.published_at + timedelta(days=1),
        model_document=published_study().to_json(),
        result=result(posterior=0.25),
    )


def comparison(difference=0.03):
    """A comparison as far as the page reads it: of one scenario, explained by three steps."""
    Scenario.objects.filter(code="AABBBA").update(title="The oracle")
    parts = [
        {"difference": part * difference / 0.03, "half_width": error}
        for part, error in ((0.004, 0.0001), (0.026, 0.002), (0.0, 0.0))
    ]
    return {
        "changes": [{}, {}],
        "scenarios": {"AABBBA": {"before": 0.06, "after": 0.06 + difference}},
        "hypotheses": {"H1": {"before": 0.5, "after": 0.5}},
        "attribution": {
            "steps": [{"text": "Iterations"}, {"text": "Weight of H1-001"}, {"text": "Seed"}],
            "headlines": [
                {"kind": "hypothesis", "name": "H1", "difference": 0.0, "parts": parts},
                {"kind": "cluster", "name": "Constrained Evolution", "difference": -0.9, "parts": parts},
                {"kind": "scenario", "name": "AABBBA", "difference": difference, "parts": parts},
            ],
        },
    }


def words(response):
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(text).replace("\u202f", " ").split())


@pytest.fixture
def read(client):
    def as_role(role):
        client.force_login(UserFactory(role=role))
        response = client.get(reverse("home"))
        return response.status_code, words(response)

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
    assert f"{title} ABBABB Adaptive Integration 30 % 1.0 % 40 %" in text
    assert "AGI Achievement AGI achieved 20 % AI stays narrow 80 % 10–45 %" in text
    assert "Constrained Evolution is the likeliest family in 2050 at 70 %" in text
    assert "run First baseline" in text
    assert "4,096 iterations; input 0123456789ab, engine 1.0.0" in text
    assert "This is the first baseline." in text


def test_the_page_takes_few_queries(client, later, django_assert_max_num_queries):
    client.force_login(UserFactory(role="analyst"))
    with django_assert_max_num_queries(20):
        client.get(reverse("home"))


def test_what_moved_since_the_last_baseline_is_in_the_rows(read, baseline, later):
    _, text = read("viewer")
    assert "10–45 % +5.0 points" in text
    assert "The last one was First baseline, published" in text
    assert "How far each question moved is in the table above." in text


def test_what_explains_it_is_asked_of_a_worker_once_and_then_shown(client, baseline, later):
    client.force_login(UserFactory(role="analyst"))
    assert "is being computed" in client.get(reverse("home")).text
    for _ in range(2):
        assert "is being computed" in client.get(reverse("home_changes")).text
    assert django_rq.get_queue("default").count == 1
    answer_keep(question=comparison_question(baseline, later), document=comparison())
    for name in ("home", "home_changes"):
        text = words(client.get(reverse(name)))
        assert "The oracle moved most: from 6.0 % to 9.0 % (+3.0 points), through 2 changes." in text
        assert text.index("Weight of H1-001 +2.6 points ± 0.2") < text.index("Iterations +0.4 points ± < 0.05")
        assert "Seed" not in text


def test_a_comparison_that_is_refused_or_fails_is_told_and_not_asked_for_again(client, baseline, later):
    client.force_login(UserFactory(role="analyst"))
    answer_keep(question=comparison_question(baseline, later), refusal="the first result is too old")
    for name in ("home", "home_changes"):
        page = client.get(reverse(name))
        assert "The two cannot be compared: the first result is too old." in words(page)
        assert reverse("home_changes") not in page.text
    answer_fail(question=comparison_question(baseline, later))
    page = client.get(reverse("home_changes"))
    assert f"the log names job {comparison_question(baseline, later).job_id}" in words(page)
    assert reverse("home_changes") not in page.text
    assert django_rq.get_queue("default").count == 0


@pytest.mark.parametrize("name", ["home", "home_changes"])
def test_both_baselines_can_be_compared(client, baseline, later, name):
    client.force_login(UserFactory(role="analyst"))
    assert f'href="{reverse("run_compare")}?runs={baseline.pk},{later.pk}"' in client.get(reverse(name)).text


def test_nothing_that_moved_is_said_so(client, baseline, later):
    client.force_login(UserFactory(role="analyst"))
    same = comparison(difference=0.0) | {"changes": []}
    answer_keep(question=comparison_question(baseline, later), document=same)
    assert "no part of the model has changed" in words(client.get(reverse("home_changes")))


def test_who_may_not_read_evidence_is_not_told_why(client, baseline, later):
    client.force_login(UserFactory(role="viewer"))
    answer_keep(question=comparison_question(baseline, later), document=comparison())
    assert "moved most" not in client.get(reverse("home")).text
    assert client.get(reverse("home_changes")).status_code == 403


def test_own_runs_are_listed_those_that_go_on_first_and_asked_for_again(client, baseline):
    user = UserFactory(role="analyst")
    client.force_login(user)
    assert "Runs that you start stand here" in client.get(reverse("home")).text
    AnalysisRunFactory(name="Of somebody else", is_shared=True)
    running = AnalysisRunFactory(name="Under way", owner=user, iterations_total=8192)
    AnalysisRunFactory(name="Done", owner=user, succeeded=True)
    page = client.get(reverse("home_runs")).text
    assert page.index("Under way") < page.index("Done")
    assert "of 8,192 iterations" in page
    assert "Of somebody else" not in page
    assert "hx-trigger" in page
    running.delete()
    assert "hx-trigger" not in client.get(reverse("home_runs")).text


def test_twelve_scenarios_are_shown_the_likeliest_first(baseline):
    report = run_report(run=baseline)
    assert len(report.scenarios) == 12
    assert report.likeliest.code == "ABBABB"
    assert report.overlapping == 11
    assert report.together == pytest.approx(0.3 + 11 * 0.7 / 63)


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
