"""The what-if explorer without its scripts: what an address means, and what is saved, run and refused."""

import html
import json
import re
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import QueryDict
from django.urls import reverse

from accounts.limits import Cost, limit_consume
from analysis.engine.faults import ModelError
from analysis.engine.posterior import posteriors
from analysis.engine.spec import parse_model, with_run
from analysis.engine.what_if import what_if_document
from analysis.models import AnalysisRun, SavedQuestion
from analysis.questions import question_of
from analysis.services import questions as services
from analysis.services.questions import question_delete, question_save
from tests.analysis.api.support import computed, finished_run
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

ASKED = (
    "posterior.H1=0.2&observe.H2=A&observe.H2.year=2035&set.H4=A&set.H4.year=2030"
    "&multiplier=1.5&strength.H1A-H2A=0.4&midpoint.H3=2031.5"
)
OVERRIDES = {
    "posteriors": {"H1": 0.2},
    "strengths": {"H1A>H2A": 0.4},
    "midpoints": {"H3": 2031.5},
    "strength_multiplier": 1.5,
}
OBSERVED = [{"hypothesis": "H2", "outcome": "A", "from_year": 2035}]
SET = [{"hypothesis": "H4", "outcome": "A", "from_year": 2030}]


@pytest.fixture
def baseline():
    return finished_run(published=True, name="Baseline")


@pytest.fixture
def analyst(client):
    client.analyst = UserFactory(role="analyst")
    client.force_login(client.analyst)
    return client


def asked(query, document=None):
    return question_of(document=document or computed()[0], query=QueryDict(query))


def page(client, query=""):
    response = client.get(f"{reverse('what_if')}?{query}")
    return response, html.unescape(response.content.decode())


def control(text, name):
    """The attributes of a slider, or the value chosen in a select."""
    tag = re.search(rf'<(input|select)[^>]* name="{re.escape(name)}"[^>]*>', text)
    if tag[1] == "input":
        return dict(re.findall(r'([\w-]+)="([^"]*)"', tag[0]))
    options = text[tag.end() :].partition("</select>")[0]
    return re.search(r'value="([^"]*)" selected', options)[1]


# What an address means


@pytest.mark.sqlite
def test_an_address_becomes_the_engines_question_and_back():
    question = asked(ASKED)
    assert question.faults == ()
    assert (question.overrides, question.observations, question.interventions) == (OVERRIDES, OBSERVED, SET)
    assert parse_qs(question.query) == parse_qs(ASKED)
    assert asked(question.query) == question


def test_what_runs_in_full_is_what_was_explored():
    explored = what_if_document(computed()[0], overrides=OVERRIDES, observations=OBSERVED, interventions=SET)
    full = asked(ASKED).run_document(iterations=50_000)
    own = computed()[0].run
    assert full.run.iterations == 50_000
    assert (full.run.sampler, full.run.dtype, full.run.seed) == (own.sampler, own.dtype, own.seed)
    assert full.model_copy(update={"run": explored.run}) == explored
    assert (full.run.interventions, full.run.observations) == (explored.run.interventions, explored.run.observations)


def test_an_address_that_changes_nothing_asks_nothing():
    question = asked("")
    assert (question.changes, question.overrides, question.query) == ([], {}, "")
    assert question.title == "What if things were otherwise?"
    for row, belief in zip(question.hypotheses, posteriors(computed()[0]), strict=True):
        said = asked(f"posterior.{belief.code}={row.posterior.base}")
        assert (said.query, said.changes) == ("", []), "the model's own value is no change"


def test_a_question_is_told_in_words():
    assert asked("posterior.H1=0.2&set.H4=A&set.H4.year=2030").title == (
        "What if \u201caccelerating progress\u201d were at 20\u202f% "
        "and \u201ceffective control\u201d were made so from 2030?"
    )
    assert asked(ASKED).title.endswith("and 4 more changes?")


def test_what_the_run_itself_supposes_can_be_taken_back():
    document = with_run(computed()[0], interventions=SET)
    assert asked("", document).interventions == SET
    taken = asked("set.H4=", document)
    assert (taken.interventions, taken.query) == ([], "set.H4=")
    assert taken.title == "What if \u201ceffective control\u201d were no longer supposed?"


@pytest.mark.parametrize(
    ("query", "name", "words"),
    [
        ("posterior.H1=1", "posterior.H1", "from 0.01 to 0.99"),
        ("posterior.H1=nan", "posterior.H1", "from 0.01 to 0.99"),
        ("posterior.H9=0.5", "posterior.H9", "nothing that this model can be asked"),
        ("strength.H1A-H2A=-0.1", "strength.H1A-H2A", "from 0 to 1"),
        ("set.H1=C", "set.H1", "A, B or empty"),
        ("set.H1=A&set.H1.year=1999", "set.H1.year", "2025 to 2050"),
        ("multiplier=1&multiplier=2", "multiplier", "more than once"),
        ("<script>=1", "<script>", "nothing that this model can be asked"),
    ],
)
def test_what_an_address_says_wrongly_is_named_and_left_out(query, name, words):
    question = asked(f"{query}&posterior.H2=0.3")
    [fault] = question.faults
    assert fault.path == name
    assert words in fault.message
    assert question.overrides == {"posteriors": {"H2": 0.3}}
    with pytest.raises(ModelError):
        question.run_document(iterations=4096)


# The page


@pytest.mark.sqlite
def test_the_page_shows_what_its_address_says(analyst, baseline):
    response, text = page(analyst, ASKED)
    assert response.status_code == 200
    slider = control(text, "posterior.H1")
    assert (slider["value"], slider["aria-valuetext"][:4]) == ("0.2", "20\u202f%")
    assert slider["data-base"] == asked("").hypotheses[0].posterior.base != "0.2"
    assert (control(text, "observe.H2"), control(text, "observe.H2.year")) == ("A", "2035")
    assert (control(text, "set.H4"), control(text, "set.H1")) == ("A", "")
    assert control(text, "strength.H1A-H2A")["value"] == "0.4"
    assert asked(ASKED).title in text


def test_the_page_holds_the_baselines_numbers(analyst, baseline):
    response, text = page(analyst)
    data = json.loads(re.search(r'id="what-if-data"[^>]*>(.*?)</script>', response.content.decode())[1])
    result = computed()[1]
    assert data["run"] == str(baseline.pk)
    assert data["order"][0] == max(result["scenario_probabilities"], key=result["scenario_probabilities"].get)
    assert data["answer"]["scenario_probabilities"] == pytest.approx(result["scenario_probabilities"], abs=1e-6)
    last = result["temporal_evolution"][-1]
    assert data["answer"]["temporal_evolution"][-1]["clusters"] == pytest.approx(last["clusters"], abs=1e-5)
    assert text.count('<fieldset class="hypothesis"') == 6
    assert len(re.findall(r'name="strength\.', text)) == 22


def test_a_wrong_address_still_opens_and_says_what_is_wrong(analyst, baseline):
    response, text = page(analyst, "posterior.H1=7&posterior.H2=0.3")
    assert response.status_code == 200
    assert "posterior.H1</code> must be a number from 0.01 to 0.99, not '7'" in text
    assert control(text, "posterior.H2")["value"] == "0.3"


def test_another_run_can_be_asked_about_if_one_may_see_it(analyst, baseline):
    private = finished_run(owner=UserFactory(role="analyst"))
    own = finished_run(owner=analyst.analyst, name="Mine")
    assert page(analyst, f"run={private.pk}")[0].status_code == 404
    assert page(analyst, "run=me")[0].status_code == 404
    response, text = page(analyst, f"run={own.pk}&posterior.H1=0.2")
    assert (response.status_code, "run Mine" in text) == (200, True)
    assert f'name="query" value="run={own.pk}&posterior.H1=0.2"' in text


def test_without_a_baseline_the_page_says_how_to_get_one(analyst):
    response, text = page(analyst)
    assert (response.status_code, "none has been published yet" in text) == (200, True)


@pytest.mark.parametrize(("role", "status"), [(None, 403), ("viewer", 403), ("analyst", 200), ("admin", 200)])
def test_who_may_ask_may_open_it(client, baseline, role, status):
    client.force_login(UserFactory(role=role))
    assert page(client)[0].status_code == status


def test_strangers_sign_in_first(client):
    assert page(client)[0].url.startswith(reverse("login"))


def test_the_page_takes_few_queries(analyst, baseline, django_assert_max_num_queries):
    for number in range(3):
        question_save(owner=analyst.analyst, name=f"Question {number}", query=ASKED)
    with django_assert_max_num_queries(12):
        page(analyst, ASKED)


# Saved questions


@pytest.mark.sqlite
def test_a_question_is_saved_listed_opened_and_deleted(analyst, baseline):
    response = analyst.post(reverse("what_if_save"), {"name": " Early safety ", "query": ASKED}, follow=True)
    text = html.unescape(response.content.decode())
    saved = SavedQuestion.objects.get()
    assert (saved.owner, saved.name, saved.query) == (analyst.analyst, "Early safety", asked(ASKED).query)
    assert parse_qs(urlsplit(response.redirect_chain[-1][0]).query) == parse_qs(ASKED)
    assert f'href="{reverse("what_if")}?{saved.query}">Early safety</a>' in text
    response = analyst.post(reverse("what_if_delete", args=[saved.pk]), {"query": ASKED}, follow=True)
    assert not SavedQuestion.objects.exists()
    assert "Questions that you save stand here" in response.content.decode()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "", "query": ASKED}, "cannot be blank"),
        ({"name": "a\nb", "query": ASKED}, "One line"),
        ({"name": "Taken", "query": ASKED}, "already keep a question of this name"),
        ({"name": "x" * 201, "query": ASKED}, "200"),
        ({"name": "Nothing", "query": ""}, "Nothing is changed"),
        ({"name": "Wrong", "query": "posterior.H9=0.5"}, "posterior.H9: is nothing that this model can be asked"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_the_question_kept(analyst, baseline, given, words):
    kept = question_save(owner=analyst.analyst, name="Taken", query="posterior.H1=0.5")
    response = analyst.post(reverse("what_if_save"), given, follow=True)
    assert words in html.unescape(response.content.decode())
    assert list(SavedQuestion.objects.all()) == [kept]
    assert parse_qs(urlsplit(response.redirect_chain[-1][0]).query) == parse_qs(given["query"])


def test_questions_are_their_owners_alone(analyst, baseline):
    other = UserFactory(role="admin")
    saved = question_save(owner=other, name="Secret", query=ASKED)
    assert "Secret" not in page(analyst)[1]
    assert analyst.post(reverse("what_if_delete", args=[saved.pk])).status_code == 404
    with pytest.raises(PermissionDenied):
        question_delete(question=saved, actor=analyst.analyst)
    question_save(owner=analyst.analyst, name="Secret", query=ASKED)
    assert SavedQuestion.objects.count() == 2


def test_who_may_not_ask_keeps_nothing():
    with pytest.raises(PermissionDenied):
        question_save(owner=UserFactory(role="viewer"), name="One", query=ASKED)


def test_one_keeps_so_many_questions_and_no_more(monkeypatch):
    monkeypatch.setattr(services, "MOST", 1)
    owner = UserFactory(role="analyst")
    question_save(owner=owner, name="One", query=ASKED)
    with pytest.raises(ValidationError, match="Delete one first"):
        question_save(owner=owner, name="Two", query=ASKED)


# Run in full


def test_run_in_full_begins_a_run_of_ones_own(analyst, baseline, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        response = analyst.post(reverse("what_if_run"), {"query": ASKED})
    run = AnalysisRun.objects.exclude(pk=baseline.pk).get()
    document = parse_model(run.model_document)
    assert response.url == reverse("run", args=[run.pk])
    assert (run.owner, run.status, run.name) == (analyst.analyst, "queued", asked(ASKED).title)
    assert document == asked(ASKED).run_document(iterations=document.run.iterations)
    assert document.run.iterations == 5_000_000


def test_run_in_full_pressed_twice_is_one_run_and_another_question_another(analyst, baseline):
    sent = {"query": ASKED, "run_id": str(uuid4())}
    pages = {analyst.post(reverse("what_if_run"), sent).url for _ in range(2)}
    assert len(pages) == AnalysisRun.objects.exclude(pk=baseline.pk).count() == 1
    other = analyst.post(reverse("what_if_run"), sent | {"query": f"{ASKED}&do=H6:A@2030"}).url
    assert other not in pages


def test_runs_in_full_count_as_runs(analyst, baseline):
    while limit_consume(user=analyst.analyst, cost=Cost.ANALYSIS_RUNS).allowed:
        pass
    response = analyst.post(reverse("what_if_run"), {"query": ASKED}, follow=True)
    assert "as many runs as you may" in response.content.decode()
    assert AnalysisRun.objects.count() == 1


@pytest.mark.parametrize("query", ["", "posterior.H1=7", "set.H1=A&set.H1.year=1"])
def test_what_cannot_be_run_begins_nothing(analyst, baseline, query):
    response = analyst.post(reverse("what_if_run"), {"query": query}, follow=True)
    assert "Nothing was started." in response.content.decode()
    assert AnalysisRun.objects.count() == 1


def test_viewers_can_save_and_run_nothing(client, baseline):
    client.force_login(UserFactory(role="viewer"))
    for name in ("what_if_save", "what_if_run"):
        assert client.post(reverse(name), {"query": ASKED, "name": "Mine"}).status_code == 403
        assert client.get(reverse(name)).status_code == 405
