"""The form of a new run: the same questions as POST /analysis/run, with the same answers."""

import json
import re
from html import unescape
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts.limits import Cost, limit_consume, limit_status
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.pages.run_form import body_from
from analysis.pages.run_plan import Measured
from analysis.services.requests import run_document
from evidence.models import Hypothesis
from tests.analysis.api.support import Api
from tests.factories import AnalysisRunFactory, EvidenceFactory, UserFactory

pytestmark = pytest.mark.django_db

AS_IT_IS = {f"suppose_H{number}": "" for number in range(1, 7)} | {f"from_H{number}": "2030" for number in range(1, 7)}


@pytest.fixture
def analyst():
    return UserFactory(role="analyst")


@pytest.fixture
def evidence(db):
    EvidenceFactory(public_id="T-low", authority=0.5, methodology=0.5, replication=0.5)
    EvidenceFactory(public_id="T-high", authority=0.95, methodology=0.95, replication=0.95)
    return EvidenceFactory(public_id="T-2", hypothesis=Hypothesis.objects.get(code="H2"))


@pytest.fixture
def filled():
    codes = list(Hypothesis.objects.values_list("code", flat=True))
    return {
        "run_id": str(uuid4()),
        "iterations": "65536",
        "target_year": "2050",
        "report": codes,
        "seed": "42",
        "sampler": "sobol",
        "model": "dependency_network",
        **AS_IT_IS,
    }


@pytest.fixture
def send(client, analyst):
    def form(page="run_new", /, **fields):
        client.force_login(analyst)
        return client.post(reverse(page), fields)

    return form


def text_of(response):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def shown_body(response):
    return json.loads(unescape(re.search(r'id="body">([^<]+)<', response.content.decode())[1]))


def test_viewers_are_told_that_they_may_not(client):
    client.force_login(UserFactory(role="viewer"))
    response = client.get(reverse("run_new"))
    assert response.status_code == 403
    assert "may not start runs" in text_of(response)


def test_the_form_comes_as_the_baseline_has_it(client, analyst, evidence):
    client.force_login(analyst)
    response = client.get(reverse("run_new"))
    text = text_of(response)
    assert "The model as it is, nothing supposed" in text
    assert "5,001,216 iterations" in text
    assert "3 of 3 items of evidence count" in text
    assert shown_body(response) == {}


def test_a_form_as_it_comes_asks_for_the_same_run_as_an_empty_body(send, analyst, filled):
    send(**{**filled, "iterations": ""})
    mine = AnalysisRun.objects.get(owner=analyst)
    other = UserFactory(role="analyst")
    answer = Api(other).post("/analysis/run", {}, prefer="respond-async")
    assert answer.status_code == 202
    assert mine.input_hash == AnalysisRun.objects.get(owner=other).input_hash


def test_the_body_that_is_shown_asks_for_the_same_run(send, analyst, filled, evidence):
    chosen = {
        **filled,
        "suppose_H4": "do:A",
        "from_H4": "2032",
        "suppose_H2": "see:B",
        "from_H2": "2035",
        "target_year": "2045",
        "quality_min": "0.5",
        "report": ["H1", "H2"],
        "overrides": '{"midpoints": {"H3": 2031.5}}',
        "seed": "7",
        "model": "log_linear",
        "stop_when_converged": "on",
        "name": "All of it",
    }
    body = shown_body(send("run_preview", **chosen))
    assert body == {
        "iterations": 65536,
        "target_year": 2045,
        "hypotheses": ["H1", "H2"],
        "interventions": [{"hypothesis": "H4", "outcome": "A", "from_year": 2032}],
        "observations": [{"hypothesis": "H2", "outcome": "B", "from_year": 2035}],
        "evidence_filter": {"quality_min": 0.5},
        "seed": 7,
        "model": "log_linear",
        "name": "All of it",
        "stop_when_converged": True,
        "overrides": {"midpoints": {"H3": 2031.5}},
    }
    assert send(**chosen).url == reverse("run", args=[chosen["run_id"]])
    mine = AnalysisRun.objects.get(pk=chosen["run_id"])
    assert (mine.owner, mine.name, mine.status) == (analyst, "All of it", RunStatus.QUEUED)
    other = UserFactory(role="analyst")
    assert Api(other).post("/analysis/run", body, prefer="respond-async").status_code == 202
    assert mine.input_hash == AnalysisRun.objects.get(owner=other).input_hash


def test_counts_follow_the_filters(send, filled, evidence):
    assert "3 of 3 items" in text_of(send("run_preview", **filled))
    assert "1 of 3 items" in text_of(send("run_preview", **filled, quality_min="0.8"))
    assert "1 of 3 items" in text_of(send("run_preview", **filled, evidence_hypothesis="H2"))
    assert "1 of 3 items" in text_of(send("run_preview", **filled, sources=[evidence.source.key]))


def test_a_preview_begins_nothing_and_costs_nothing(send, analyst, filled):
    before = limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining
    send("run_preview", **filled)
    send(**filled, check="yes")
    assert not AnalysisRun.objects.exists()
    assert limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining == before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("iterations_other", "many"), "Should be a whole number."),
        (("iterations_other", "900000000000"), "iterations"),
        (("target_year", "2199"), "must lie in"),
        (("quality_min", "2"), "less than or equal to 1"),
        (("quality_min", "nan"), "number"),
        (("seed", "-1"), "greater than or equal to 0"),
        (("sources", "no such source"), "no evidence item has the source"),
        (("overrides", "{"), "dictionary"),
        (("overrides", '{"priors": {"H9": 0.5}}'), "H9"),
        (("overrides", '{"priors": {"H1": NaN}}'), "A valid number is required."),
        (("from_H4", "soon"), "Should be a whole number."),
        (("name", "x" * 201), "200 characters"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(send, analyst, filled, wrong, words):
    name, value = wrong
    fields = {**filled, "suppose_H4": "do:A", name: value}
    if name == "iterations_other":
        fields["iterations"] = "other"
    before = limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining
    response = send(**fields)
    assert response.status_code == 400
    assert not AnalysisRun.objects.exists()
    html = response.content.decode()
    field = {"iterations_other": "iterations", "from_H4": "suppose_H4"}.get(name, name)
    assert f'<li><a href="#{field}">' in html
    assert f'id="{field}"' in html
    assert words in text_of(response)
    assert limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining == before
    if name not in {"sources", "overrides"}:
        assert value in unescape(html)


def test_a_form_that_is_sent_twice_begins_one_run(send, analyst, filled):
    assert send(**filled).url == send(**filled).url
    assert AnalysisRun.objects.filter(owner=analyst).count() == 1


def test_who_has_used_up_the_limit_is_told_when_to_come_again(send, analyst, filled):
    while limit_consume(user=analyst, cost=Cost.ANALYSIS_RUNS).allowed:
        pass
    response = send(**filled, name="Kept as written")
    assert response.status_code == 429
    assert "as many runs as you may for now" in text_of(response)
    assert "Kept as written" in response.content.decode()
    assert not AnalysisRun.objects.exists()


def test_rerun_with_changes_starts_from_the_run(client, analyst, evidence):
    asked = {
        "iterations": 65536,
        "interventions": [{"hypothesis": "H4", "outcome": "A", "from_year": 2032}],
        "evidence_filter": {"quality_min": 0.5},
        "overrides": {"posteriors": {"H1": 0.75}, "midpoints": {"H3": 2031.5}, "strength_multiplier": 0.5},
        "model": "log_linear",
    }
    choices = {key: value for key, value in asked.items() if key != "overrides"}
    document = run_document(overrides=asked["overrides"], **choices)
    run = AnalysisRunFactory(owner=analyst, model_document=document.to_json(), failed=True)
    assert body_from(document, run_document()) == asked
    client.force_login(analyst)
    assert shown_body(client.get(reverse("run_new"), {"from": str(run.pk)})) == asked


@pytest.mark.parametrize("given", ["nonsense", "d66e4f48-b325-4bb9-807a-e3aa22bfd5df"])
def test_a_run_that_there_is_not(client, analyst, given):
    client.force_login(analyst)
    assert client.get(reverse("run_new"), {"from": given}).status_code == 404


def test_others_private_runs_fill_no_form(client, analyst):
    theirs = AnalysisRunFactory(owner=UserFactory(role="analyst"), model_document=run_document().to_json())
    client.force_login(analyst)
    assert client.get(reverse("run_new"), {"from": str(theirs.pk)}).status_code == 404


def test_the_page_takes_few_queries(client, analyst, evidence, django_assert_max_num_queries):
    client.force_login(analyst)
    with django_assert_max_num_queries(20):
        client.get(reverse("run_new"))


def test_estimates_go_through_what_was_measured_and_follow_the_root_law_beyond():
    known = Measured(rate=1000.0, trace=[(4096, 0.04), (16384, 0.01)])
    assert known.seconds(5000) == 5
    assert known.half_width(4096) == pytest.approx(0.04)
    assert known.half_width(8192) == pytest.approx(0.02)
    assert known.half_width(16384) == pytest.approx(0.01)
    assert known.half_width(4 * 16384) == pytest.approx(0.005)
    assert Measured(rate=None, trace=[]).half_width(100) is None


def test_the_command_line_is_shown_where_there_is_one(send, filled):
    shown = text_of(send("run_preview", **filled, name="A name"))
    assert "python manage.py run_analysis --iterations 65536 --name 'A name'" in shown
    assert "manage.py" not in text_of(send("run_preview", **filled, quality_min="0.5"))
