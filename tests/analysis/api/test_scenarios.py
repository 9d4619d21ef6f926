"""GET /scenarios: the baseline's or a run's, narrowed, ordered, in another year, from cached bytes."""

from uuid import uuid4

import pytest
from django.test.utils import CaptureQueriesContext

from analysis.api import scenarios
from analysis.engine.simulate import simulate
from analysis.models import AnalysisRun, Scenario
from analysis.services.model_documents import model_document_build
from tests.analysis.api.support import computed, finished_run
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def viewer(api, baseline, monkeypatch):
    monkeypatch.setattr(scenarios, "FRESH_SECONDS", 1e9)  # or else a test ends in another minute now and then
    return api("viewer")


def test_gives_the_baseline_likeliest_first_from_one_percent(viewer):
    answer = viewer.get("/scenarios")
    expected = {code: p for code, p in computed()[1]["scenario_probabilities"].items() if p >= 0.01}
    rows = answer.json()
    assert {row["scenario_id"]: row["probability"] for row in rows} == expected
    assert [row["probability"] for row in rows] == sorted(expected.values(), reverse=True)
    first = rows[0]
    text = Scenario.objects.get(code=first["scenario_id"])
    assert (first["title"], first["description"]) == (text.title, text.narrative)
    assert first["interval"].keys() == {"q05", "q50", "q95"}
    assert first["interval"]["q05"] < first["probability"] < first["interval"]["q95"]


def test_all_of_them_by_cluster_then_name_in_another_year(viewer):
    rows = viewer.get("/scenarios?min_probability=0&sort_by=cluster,scenario_id&year=2035").json()
    result = computed()[1]
    entry = next(each for each in result["temporal_evolution"] if each["year"] == 2035)
    assert {row["scenario_id"]: row["probability"] for row in rows} == entry["scenarios"]
    order = [named["name"] for named in result["clusters"]["named"]]
    keys = [(order.index(row["cluster"]), row["scenario_id"]) for row in rows]
    assert keys == sorted(keys)
    for named in result["clusters"]["named"]:
        inside = sum(row["probability"] for row in rows if row["cluster"] == named["name"])
        assert inside == pytest.approx(entry["clusters"][named["name"]])


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("min_probability=2", "min_probability"),
        ("min_probability=x", "min_probability"),
        ("min_probability=nan", "min_probability"),
        ("sort_by=colour", "sort_by"),
        ("sort_by=cluster,cluster", "sort_by"),
        ("year=2101", "year"),
        ("year=soon", "year"),
        ("run=1", "run"),
        ("order=1", "order"),
    ],
)
def test_refuses_by_name(viewer, query, path):
    answer = viewer.get(f"/scenarios?{query}")
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [path]


def test_of_a_run_that_one_may_see_and_no_other(api, baseline):
    owner = UserFactory(role="analyst")
    run = finished_run(owner=owner)
    path = f"/scenarios?run={run.pk}"
    assert api(owner).get(path).status_code == 200
    assert api("admin").get(path).status_code == 200
    assert api("analyst").get(path).status_code == 404
    run.is_shared = True
    run.save()
    assert api("analyst").get(path).status_code == 200


def test_of_a_run_without_result_and_without_any_baseline(api):
    viewer = api("viewer")
    assert viewer.get("/scenarios").status_code == 404
    queued = AnalysisRunFactory(is_shared=True)
    answer = viewer.get(f"/scenarios?run={queued.pk}")
    assert (answer.status_code, "queued" in answer.json()["detail"]) == (409, True)


def test_of_a_run_that_reports_some_hypotheses(api):
    document = model_document_build(model="published", iterations=4096, hypotheses=["H2", "H5"])
    run = AnalysisRunFactory(
        succeeded=True, is_shared=True, model_document=document.to_json(), result=simulate(document, threads=1)
    )
    rows = api("viewer").get(f"/scenarios?run={run.pk}&min_probability=0").json()
    assert {row["scenario_id"] for row in rows} == {"AA", "AB", "BA", "BB"}
    assert {row["cluster"] for row in rows} == {None}
    assert "; " in rows[0]["description"]


def test_who_has_it_is_told_so_at_no_cost(viewer):
    answer = viewer.get("/scenarios")
    left = int(answer["RateLimit-Remaining"])
    again = viewer.get("/scenarios", If_None_Match=answer["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert viewer.get("/auth/me").json()["limits"]["scenario_queries"]["remaining"] == left
    assert viewer.get("/scenarios?year=2030")["ETag"] != answer["ETag"]


def test_is_limited_for_viewers(viewer):
    asked = [f"/scenarios?min_probability={part / 1000}" for part in range(51)]
    answers = [viewer.get(path) for path in asked]
    assert [answer.status_code for answer in answers] == [200] * 50 + [429]
    assert viewer.get(asked[50]).status_code == 429, "what was refused is not kept for another try"
    assert viewer.get(asked[0]).status_code == 200, "what is kept is free"


def test_who_has_it_is_told_so_when_the_limit_is_used_up(viewer, api):
    etag = viewer.get("/scenarios?year=2031")["ETag"]
    for part in range(50):
        viewer.get(f"/scenarios/ABBABB?year={2000 + part}")
        viewer.get(f"/scenarios?min_probability={part / 1000}")
    assert viewer.get("/scenarios?year=2032").status_code == 429
    scenarios._kept = scenarios._Kept()
    assert viewer.get("/scenarios?year=2031", If_None_Match=etag).status_code == 304
    scenarios._kept = scenarios._Kept()
    assert viewer.get("/scenarios?year=2031", If_None_Match='"another"').status_code == 429


def test_no_version_named_is_none_that_one_has(viewer, monkeypatch):
    asked = [f"/scenarios?min_probability={part / 1000}" for part in range(51)]
    answers = [viewer.get(path, If_None_Match="*") for path in asked]
    assert [answer.status_code for answer in answers] == [200] * 50 + [429]
    made = []
    monkeypatch.setattr(scenarios, "_list_body", lambda *about: made.append(about))
    assert viewer.get("/scenarios?year=2032").status_code == 429
    assert made == [], "what is refused is not made"
    monkeypatch.undo()
    run = AnalysisRun.objects.published().get()
    assert viewer.get(f"/analysis/{run.pk}/result", If_None_Match="*").status_code == 429


@pytest.mark.parametrize(
    ("path", "status"),
    [("/analysis/ab/export?format=csv", 404), ("/scenarios?year=1900", 400), ("/scenarios/AAAAAZ", 404)],
)
def test_what_is_not_there_counts_nothing(viewer, path, status):
    before = viewer.get("/auth/me").json()["limits"]["scenario_queries"]["remaining"]
    assert viewer.get(path.replace("/ab/", f"/{uuid4()}/")).status_code == status
    assert viewer.get("/auth/me").json()["limits"]["scenario_queries"]["remaining"] == before


def test_results_and_files_count_like_scenarios(viewer, baseline):
    paths = [f"/analysis/{baseline.pk}/result", f"/analysis/{baseline.pk}/export?format=csv"]
    statuses = [viewer.get(paths[number % 2]).status_code for number in range(51)]
    assert statuses == [200] * 50 + [429]


def test_the_second_answer_reads_no_run(viewer, django_assert_num_queries, db):
    from django.db import connection

    viewer.get("/scenarios")
    with CaptureQueriesContext(connection) as captured:
        viewer.get("/scenarios")
    assert len(captured) == 2, [query["sql"] for query in captured]  # who asks, and which run is the baseline


def test_a_new_baseline_is_seen_at_once(viewer):
    before = viewer.get("/scenarios")["ETag"]
    document = model_document_build(model="published", iterations=4096, seed=7)
    finished_run(published=True, model_document=document.to_json(), result=simulate(document, threads=1))
    assert viewer.get("/scenarios", If_None_Match=before).status_code == 200


def test_one_scenario_says_what_it_means_in_every_year(viewer):
    found = viewer.get("/scenarios/ABBABB").json()
    result = computed()[1]
    assert found["probability"] == result["scenario_probabilities"]["ABBABB"]
    assert [each["probability"] for each in found["evolution"]] == [
        entry["scenarios"]["ABBABB"] for entry in result["temporal_evolution"]
    ]
    assert "".join(each["outcome"] for each in found["outcomes"]) == "ABBABB"
    second = found["outcomes"][1]
    model = computed()[0].hypotheses[1]
    assert (second["hypothesis"], second["meaning"]) == (model.code, model.outcome_b)
    assert viewer.get("/scenarios/ABBABX").status_code == 404
    assert viewer.get("/scenarios/ABBABB?year=1999").status_code == 400
