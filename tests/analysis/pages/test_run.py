"""The page of a run and its tabs."""

import re
from html import unescape
from types import SimpleNamespace

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.limits import Cost, limit_status
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.pages.run_tabs import TABS
from analysis.wording import THIN_SPACE, percent
from tests.analysis.api.support import computed, finished_run
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst():
    return UserFactory(role="analyst", username="ana")


@pytest.fixture
def finished(analyst):
    return finished_run(owner=analyst, name="Mine", finished_at=timezone.now(), iterations_completed=4096)


@pytest.fixture
def waiting(analyst):
    return AnalysisRunFactory(
        owner=analyst, name="Slow one", model_document=computed()[0].to_json(), queued_at=timezone.now()
    )


@pytest.fixture
def read(client):
    def as_user(user, name, *args):
        client.force_login(user)
        response = client.get(reverse(name, args=args))
        html = response.content.decode()
        text = " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())
        return SimpleNamespace(status=response.status_code, url=getattr(response, "url", ""), html=html, text=text)

    return as_user


@pytest.fixture
def press(client):
    def as_user(user, name, run, **fields):
        client.force_login(user)
        return client.post(reverse(name, args=[run.pk]), fields, follow=True)

    return as_user


def test_a_finished_run_says_what_came_out(read, analyst, finished):
    page = read(analyst, "run", finished.pk)
    probabilities = finished.result["scenario_probabilities"]
    assert "Most likely in 2050: accelerating progress" in page.text
    assert f"at {percent(max(probabilities.values()))}".replace(THIN_SPACE, " ") in page.text
    assert 'aria-current="page">Summary' in page.html


def test_others_do_not_find_it_until_it_is_shared(read, press, analyst, finished):
    other = UserFactory(role="viewer")
    assert read(other, "run", finished.pk).status == 404
    press(analyst, "run_share", finished, shared="yes")
    assert read(other, "run", finished.pk).status == 200
    press(analyst, "run_share", finished, shared="no")
    assert read(other, "run", finished.pk).status == 404


def test_a_tab_that_there_is_not(read, analyst, finished):
    assert read(analyst, "run_tab", finished.pk, "nonsense").status == 404


def test_a_tab_before_the_end_leads_to_where_one_waits(read, analyst, waiting):
    page = read(analyst, "run_tab", waiting.pk, "summary")
    assert (page.status, page.url) == (302, reverse("run", args=[waiting.pk]))


@pytest.mark.parametrize("name", ["summary", "convergence", "inputs", "reproduce"])
def test_tabs_take_few_queries(client, analyst, finished, name, django_assert_max_num_queries):
    client.force_login(analyst)
    with django_assert_max_num_queries(16):
        assert client.get(reverse("run_tab", args=[finished.pk, name])).status_code == 200


def test_what_a_role_may_not_read_is_not_offered(read, analyst, finished):
    AnalysisRun.objects.filter(pk=finished.pk).update(is_shared=True)
    viewer = UserFactory(role="viewer")
    page = read(viewer, "run", finished.pk)
    closed = [tab.name for tab in TABS if tab.scope == "read:evidence"]
    assert "inputs" in closed
    for name in closed:
        assert reverse("run_tab", args=[finished.pk, name]) not in page.html
        assert read(viewer, "run_tab", finished.pk, name).status == 403
    reproduce = read(viewer, "run_tab", finished.pk, "reproduce")
    assert finished.input_hash in reproduce.text
    assert "--verify" not in reproduce.text


@pytest.mark.parametrize(
    ("role", "own", "words"),
    [
        ("viewer", False, {"Export"}),
        ("analyst", False, {"Export", "Rerun"}),
        ("analyst", True, {"Export", "Rerun", "Share"}),
        ("admin", False, {"Export", "Rerun", "Share", "Publish as baseline"}),
    ],
)
def test_a_role_is_offered_what_it_may_do(read, finished, role, own, words):
    user = UserFactory(role=role)
    AnalysisRun.objects.filter(pk=finished.pk).update(is_shared=not own, **({"owner": user} if own else {}))
    html = read(user, "run", finished.pk).html
    offered = {each for each in ("Export", "Rerun", "Publish as baseline") if f">{each}<" in html}
    if ">Share<" in html or ">Stop sharing<" in html:
        offered.add("Share")
    assert offered == words


def test_the_trace_is_in_the_convergence_tab(read, analyst, finished):
    page = read(analyst, "run_tab", finished.pk, "convergence")
    facts = finished.result["convergence"]
    assert f"Every mean probability is known within ±{100 * facts['max_half_width']:.2g} points" in page.text
    assert "4,096" in page.text


def test_inputs_are_told_in_words_and_as_json(read, analyst):
    document, _ = computed()
    run = finished_run(owner=analyst)
    page = read(analyst, "run_tab", run.pk, "inputs")
    assert "Dependency network: All influences act at once" in page.text
    for row in document.hypotheses:
        assert row.label in page.text
    assert "&quot;schema&quot;: &quot;aifutures.model/1&quot;" in page.html


def test_equal_runs_are_compared_number_by_number(read, analyst, finished):
    same = finished_run(owner=analyst, name="Same again")
    other = finished_run(owner=analyst, name="Not the same")
    moved = dict.fromkeys(other.result["scenario_probabilities"], 1 / 64)
    AnalysisRun.objects.filter(pk=other.pk).update(result=other.result | {"scenario_probabilities": moved})
    text = read(analyst, "run_tab", finished.pk, "reproduce").text
    assert re.search(rf"{same.name}.{{0,60}}: identical", text)
    assert re.search(rf"{other.name}.{{0,60}}: different means", text)


def test_a_waiting_run_says_where_it_stands(read, analyst, waiting):
    text = read(analyst, "run", waiting.pk).text
    assert "Slow one is waiting for a worker" in text
    assert "It is the next in the queue." in text
    assert "No worker serves the queue 'analysis' now" in text
    assert "Cancel this run" in text


def test_a_running_run_says_how_far_it_is(read, analyst, waiting):
    now = timezone.now()
    AnalysisRun.objects.filter(pk=waiting.pk).update(
        status=RunStatus.RUNNING, started_at=now, heartbeat_at=now, attempt=1, iterations_total=100_000,
        iterations_completed=25_000, rate=2500.0, max_half_width=0.0123,
    )  # fmt: skip
    page = read(analyst, "run", waiting.pk)
    assert "Slow one is running" in page.text
    assert "25 % done, about 30 seconds left." in page.text
    assert "known within ±1.2 points" in page.text
    assert '<noscript><meta http-equiv="refresh"' in page.html


def test_a_failed_run_says_why_and_what_to_do(read, analyst):
    run = AnalysisRunFactory(owner=analyst, failed=True, name="Big one")
    text = read(analyst, "run", run.pk).text
    assert "Big one failed and has no result The worker was lost." in text
    assert "What you can do" in text
    assert str(run.pk) in text


def test_a_waiting_run_is_cancelled_at_once(press, analyst, waiting):
    page = press(analyst, "run_cancel", waiting)
    assert "Slow one was cancelled" in page.content.decode()
    assert AnalysisRun.objects.get(pk=waiting.pk).status == RunStatus.CANCELLED


@pytest.mark.parametrize("name", ["run_cancel", "run_share", "run_rerun", "run_publish"])
def test_a_viewer_can_press_nothing(press, finished, name):
    AnalysisRun.objects.filter(pk=finished.pk).update(is_shared=True)
    before = AnalysisRun.objects.filter(pk=finished.pk).values().get()
    assert press(UserFactory(role="viewer"), name, finished, shared="no").status_code == 403
    assert AnalysisRun.objects.filter(pk=finished.pk).values().get() == before
    assert AnalysisRun.objects.count() == 1


@pytest.mark.parametrize("name", ["run_cancel", "run_share"])
def test_an_analyst_leaves_others_runs_alone(press, waiting, name):
    AnalysisRun.objects.filter(pk=waiting.pk).update(is_shared=True)
    assert press(UserFactory(role="analyst"), name, waiting, shared="no").status_code == 403
    row = AnalysisRun.objects.get(pk=waiting.pk)
    assert (row.status, row.is_shared) == (RunStatus.QUEUED, True)


def test_one_goes_back_to_pages_of_ours_alone(press, finished, analyst):
    for page in ("abc", "https://elsewhere.example/", "//elsewhere.example"):
        assert press(analyst, "run_share", finished, shared="yes", next=page).status_code in {200, 404}
    assert AnalysisRun.objects.get(pk=finished.pk).is_shared


def test_a_rerun_is_a_run_of_ones_own_computed_anew(press, finished):
    AnalysisRun.objects.filter(pk=finished.pk).update(is_shared=True)
    other = UserFactory(role="analyst")
    press(other, "run_rerun", finished)
    again = AnalysisRun.objects.get(owner=other)
    assert (again.input_hash, again.status, again.name) == (finished.input_hash, RunStatus.QUEUED, "Mine")


def test_a_rerun_that_is_pressed_twice_is_one_run_and_counts_once(press, read, finished, analyst):
    again = re.search(r'name="run_id" value="([^"]+)"', read(analyst, "run", finished.pk).html)[1]
    before = limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining
    pages = [press(analyst, "run_rerun", finished, run_id=again) for _ in range(2)]
    assert [page.redirect_chain[-1][0] for page in pages] == [reverse("run", args=[again])] * 2
    assert AnalysisRun.objects.exclude(pk=finished.pk).count() == 1
    assert limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining == before - 1


def test_reruns_count_against_the_limit_of_runs(press, finished, analyst):
    before = limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining
    press(analyst, "run_rerun", finished)
    assert limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining == before - 1


def test_an_admin_publishes_with_a_note(press, read, finished):
    admin = UserFactory(role="admin")
    page = press(admin, "run_publish", finished, note="New evidence on safety")
    assert "This run is the baseline now" in page.content.decode()
    row = AnalysisRun.objects.get(pk=finished.pk)
    assert (row.is_published, row.publication_note, row.published_by) == (True, "New evidence on safety", admin)
    assert ">Publish as baseline<" not in page.content.decode()


def test_what_is_not_the_whole_model_is_not_offered_as_baseline(read, finished):
    document = finished.model_document
    supposed = document | {
        "run": document["run"] | {"interventions": [{"hypothesis": "H4", "outcome": "A", "from_year": 2030}]}
    }
    AnalysisRun.objects.filter(pk=finished.pk).update(model_document=supposed)
    page = read(UserFactory(role="admin"), "run", finished.pk)
    assert ">Publish as baseline<" not in page.html
    assert "Under suppositions" in page.text
    assert re.search(r"Made so: .+, from 2030 on", page.text)


def test_forms_lead_back_only_to_this_site(client, analyst, waiting):
    client.force_login(analyst)
    url = reverse("run_share", args=[waiting.pk])
    assert client.post(url, {"shared": "yes", "next": "https://evil.example/"}).url == reverse("run", args=[waiting.pk])
    assert client.post(url, {"shared": "yes", "next": "/runs?page=2"}).url == "/runs?page=2"
