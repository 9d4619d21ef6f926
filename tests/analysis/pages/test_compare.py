"""The page that compares runs."""

import json
import re
from functools import cache
from html import unescape
from types import SimpleNamespace

import django_rq
import pytest
from django.urls import reverse

from accounts.limits import Cost, limit_status
from analysis.choices import RunStatus
from analysis.differences import differences, explained, inputs, labels_of
from analysis.engine.comparison import compare
from analysis.engine.simulate import simulate
from analysis.engine.spec import input_hash, parse_model
from analysis.models import Scenario
from analysis.news import comparison_question
from analysis.services.derived import QUEUE, answer_keep
from analysis.wording import THIN_SPACE, points
from tests.analysis.api.support import computed, finished_run
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = pytest.mark.django_db

SAFETY = ({"hypothesis": "H4", "outcome": "A", "from_year": 2030},)


@cache
def other():
    """The published study with safety made so, computed with another seed."""
    document = computed()[0]
    run = {**document.to_json()["run"], "seed": 7, "interventions": list(SAFETY)}
    changed = parse_model({**document.to_json(), "run": run})
    return changed, simulate(changed, threads=1)


@cache
def comparison():
    (before, first), (after, second) = computed(), other()
    return json.loads(json.dumps(compare(before, first, after, second, iterations=4096, threads=1)))


@pytest.fixture
def analyst():
    return UserFactory(role="analyst")


@pytest.fixture
def runs(analyst):
    document, result = other()
    return (
        finished_run(owner=analyst, name="Plain"),
        finished_run(
            owner=analyst,
            name="Safe",
            model_document=document.to_json(),
            result=result,
            input_hash=input_hash(document),
        ),
    )


@pytest.fixture
def compared(runs):
    answer_keep(question=comparison_question(*runs), document=comparison())
    return runs


@pytest.fixture
def read(client):
    def as_user(user, *runs, name="run_compare", **query):
        client.force_login(user)
        response = client.get(reverse(name), {"runs": ",".join(str(run.pk) for run in runs), **query})
        html = response.content.decode()
        text = " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace(THIN_SPACE, " ").split())
        return SimpleNamespace(status=response.status_code, html=html, text=text, headers=response.headers)

    return as_user


def figure(page, key):
    """What Plotly is given in the figure of that id."""
    block = page.html.partition(f'id="{key}"')[2].partition('type="application/json">')[2].partition("</script>")[0]
    return json.loads(block)


def test_the_page_says_what_differs_and_why(read, analyst, compared):
    page = read(analyst, *compared)
    clusters = comparison()["clusters"]
    name = max(clusters, key=lambda each: abs(clusters[each]["difference"]))  # beside what was set by hand
    assert page.status == 200
    size = points(abs(clusters[name]["difference"])).removeprefix("+").replace(THIN_SPACE, " ")
    way = "likelier" if clusters[name]["difference"] > 0 else "less likely"
    assert f"{name}: {size} {way} in “Safe” than in “Plain”" in page.text
    assert clusters[name]["half_width"] < 0.0005
    assert "with a joint 95 % error of less than 0.05 points" in page.text
    assert "most comes from “Made so: Safety Outcomes: nothing → effective control, from 2030 on”" in page.text
    assert "Safety Outcomes nothing effective control, from 2030 on" in page.text
    assert re.search(r"Seed 42 7\b", page.text)


def test_the_figure_shows_every_hypothesis_and_cluster_and_grey_means_chance(read, analyst, compared):
    data = figure(read(analyst, *compared), "outcomes-1")["data"][0]
    found = [*comparison()["hypotheses"].values(), *comparison()["clusters"].values()]
    assert data["x"] == pytest.approx([100 * row["difference"] for row in found])
    assert data["error_x"]["array"] == pytest.approx([100 * row["half_width"] for row in found])
    assert [colour == "var(--accent)" for colour in data["marker"]["color"]] == [row["exceeds"] for row in found]


def test_the_steps_of_the_waterfall_lead_from_one_run_to_the_other(read, analyst, compared):
    page = read(analyst, *compared, about="hypothesis:H5")
    marks, bars, _ = figure(page, "waterfall-1")["data"]
    row = comparison()["hypotheses"]["H5"]
    assert marks["x"] == pytest.approx([100 * row["before"], 100 * row["after"]])
    assert bars["base"][0] == pytest.approx(marks["x"][0])
    assert bars["base"][-1] + bars["x"][-1] == pytest.approx(marks["x"][1])
    assert sum(bars["x"]) == pytest.approx(100 * row["difference"])
    assert 'value="hypothesis:H5" selected' in page.html


def test_timelines_of_both_runs_lie_over_each_other(read, analyst, compared):
    lines = [each for each in figure(read(analyst, *compared), "courses")["data"] if each.get("name")]
    years = [run.result["temporal_evolution"] for run in compared]
    assert len(lines) == 2 * len(years[0][0]["clusters"])
    name = next(iter(years[0][0]["clusters"]))
    for line, evolution, label in zip(lines[:2], years, ("Plain", "Safe"), strict=True):
        assert line["name"] == label
        assert line["y"] == pytest.approx([100 * year["clusters"][name] for year in evolution])


def test_who_may_not_read_the_evidence_sees_no_model(read, compared):
    for run in compared:
        run.is_shared = True
        run.save()
    page = read(UserFactory(role="viewer"), *compared)
    assert "in “Safe” than in “Plain”" in page.text
    assert "waterfall" not in page.html
    assert "from 2030 on" not in page.text
    assert re.search(r"Seed 42 7\b", page.text)


def test_a_worker_is_asked_once_the_page_waits_and_no_limit_counts_it(read, analyst, runs):
    before = limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining
    page = read(analyst, *runs)
    assert "Safe against Plain" in page.text
    assert "is being computed" in page.text
    assert read(analyst, *runs, name="run_compare_waiting").headers.get("HX-Refresh") is None
    assert read(analyst, *runs).status == 200
    assert django_rq.get_queue(QUEUE).job_ids == [comparison_question(*runs).job_id]
    assert limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining == before
    answer_keep(question=comparison_question(*runs), document=comparison())
    assert read(analyst, *runs, name="run_compare_waiting").headers["HX-Refresh"] == "true"
    assert "is being computed" not in read(analyst, *runs).text


def test_who_waits_for_many_comparisons_waits_before_more_are_begun(read, analyst, runs):
    first, *others = [*runs, *(finished_run(owner=analyst) for _ in range(5))]
    waiting = [comparison_question(first, run).job_id for run in others]
    read(analyst, first, *others[:5])
    page = read(analyst, first, others[5])
    assert "Other answers that you asked for come first." in page.text
    assert django_rq.get_queue(QUEUE).job_ids == waiting[:5]
    colleague = UserFactory(role="admin")
    assert "come first" not in read(colleague, others[0], others[1]).text
    assert len(django_rq.get_queue(QUEUE)) == 6, "everybody waits for their own"
    answer_keep(question=comparison_question(first, others[0]), document=comparison())
    assert "come first" not in read(analyst, first, others[5], name="run_compare_waiting").text
    assert django_rq.get_queue(QUEUE).job_ids[-1] == waiting[5], "the page asks again"


def test_a_refusal_is_told(read, analyst, runs):
    answer_keep(question=comparison_question(*runs), refusal="the models cover different years: 1, and 2")
    assert "cannot be compared: the models cover different years" in read(analyst, *runs).text


def test_more_runs_are_compared_with_the_first_each(read, analyst, compared):
    third = finished_run(owner=analyst, name="Third")
    plain, safe = compared
    same = compare(*computed(), *computed(), iterations=4096, threads=1)
    answer_keep(question=comparison_question(plain, third), document=same)
    page = read(analyst, plain, safe, third)
    assert "in “Safe” than in “Plain”" in page.text
    assert "“Third” and “Plain” agree" in page.text
    assert "The two runs were computed from the same numbers with the same settings." in page.text
    assert len(figure(page, "courses")["data"]) == 3 * len(plain.result["temporal_evolution"][0]["clusters"])


def test_runs_of_one_name_are_told_apart(read, analyst, compared):
    for run in compared:
        run.name = "Twin"
        run.save()
    page = read(analyst, *compared)
    assert all(f"Twin ({run.short_id})" in page.text for run in compared)


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_without_runs_they_can_be_chosen(read, runs, role, client):
    for run in runs:
        run.is_shared = True
        run.save()
    page = read(UserFactory(role=role))
    assert page.status == 200
    assert page.html.count('type="checkbox"') == 2
    chosen = client.get(reverse("run_compare"), {"runs": [str(run.pk) for run in reversed(runs)]})
    assert [run for run, _ in chosen.context["runs"]] == list(runs)


def test_what_cannot_be_compared_is_told(read, analyst, runs, client):
    one = read(analyst, runs[0])
    assert one.status == 400
    assert "One run alone cannot be compared" in one.text
    assert f'value="{runs[0].pk}" checked' in one.html
    hidden = finished_run(name="Hidden")
    unknown = read(analyst, runs[0], hidden)
    assert unknown.status == 404
    assert f"There is no run {hidden.short_id} that you may see" in unknown.text
    waiting = AnalysisRunFactory(owner=analyst, name="Slow one", status=RunStatus.QUEUED)
    early = read(analyst, runs[0], waiting)
    assert early.status == 409
    assert "Slow one has no result to compare: it is queued" in early.text
    assert client.get(reverse("run_compare"), {"runs": "nonsense"}).status_code == 404
    many = read(analyst, *(finished_run(owner=analyst) for _ in range(7)))
    assert many.status == 400
    assert "At most 6 runs" in many.text


def test_few_queries(client, analyst, compared, django_assert_max_num_queries):
    client.force_login(analyst)
    address = reverse("run_compare") + "?runs=" + ",".join(str(run.pk) for run in compared)
    client.get(address)
    with django_assert_max_num_queries(20):
        client.get(address)


def item(name, **scores):
    """A finding about the first hypothesis."""
    return {
        "id": name,
        "hypothesis": "H1",
        "direction": "A",
        "strength": 0.5,
        "quality_scores": {"authority": 0.8, "methodology": 0.7, "recency": None, "replication": 0.6, **scores},
        "publication_date": "2024-03-01",
        "dependency_group": name,
    }


def test_inputs_in_words():
    plain = computed()[0].to_json()
    before = {**plain, "evidence": [item("one"), item("two")]}
    after = json.loads(json.dumps({**plain, "evidence": [item("two", authority=0.11)]}))
    after["influences"][0]["strength"] = 0.99
    after["hypotheses"][0]["prior_probability"] = 0.25
    models = [parse_model(each) for each in (before, after)]
    results = [simulate(model, threads=1) for model in models]
    document = compare(models[0], results[0], models[1], results[1], iterations=64, threads=1)
    titles = {"one": "A finding"}
    found = {row.what: (row.before, row.after) for row in inputs(document, before, after, titles, models=True)}
    assert found["Evidence on AI Progress: A finding"] == (
        "speaks for “accelerating progress”, strength 0.5",
        "not in it",
    )
    assert found["Evidence on AI Progress: two"] == ("authority 0.8", "authority 0.11")
    assert found["AI Progress: prior"] == (f"{before['hypotheses'][0]['prior_probability']:.4g}", "0.25")
    strength = next(pair for what, pair in found.items() if what.startswith("Influence "))
    assert strength == (f"{plain['influences'][0]['strength']:.4g}", "0.99")
    assert inputs(document, before, after, titles, models=False) == []
    rows = differences(document, after, {})
    for each in explained(document, rows, labels_of(before, after), titles):
        assert sum(part.difference for part in each.parts) == pytest.approx(each.about.difference)


def test_titles_name_scenarios():
    titles = dict(Scenario.objects.values_list("code", "title"))
    rows = differences(comparison(), computed()[0].to_json(), titles)
    assert next(row for row in rows if row.name == "ABBABB").words == titles["ABBABB"]
