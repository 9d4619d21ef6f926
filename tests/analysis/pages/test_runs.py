"""The list of runs."""

import re
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst():
    return UserFactory(role="analyst", username="ana")


@pytest.fixture
def read(client):
    def as_user(user, **query):
        client.force_login(user)
        response = client.get(reverse("runs"), query)
        assert response.status_code == 200
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())

    return as_user


def test_strangers_sign_in_first(client):
    assert client.get(reverse("runs")).status_code == 302


def test_without_runs_the_page_says_how_to_get_one(read, analyst):
    assert "Start the first one" in read(analyst)
    assert "once an analyst shares one" in read(UserFactory(role="viewer"))


def test_a_user_sees_own_and_open_runs_and_an_admin_all(read, analyst):
    other = UserFactory(role="analyst")
    AnalysisRunFactory(owner=analyst, name="Mine here", failed=True)
    AnalysisRunFactory(owner=other, name="Private there", succeeded=True)
    AnalysisRunFactory(owner=other, name="Shared there", succeeded=True, is_shared=True)
    AnalysisRunFactory(owner=None, name="Old baseline", published=True)
    text = read(analyst)
    assert all(name in text for name in ("Mine here", "Shared there", "Old baseline", "The worker was lost."))
    assert "Private there" not in text
    assert "Private there" in read(UserFactory(role="admin"))
    viewer = read(UserFactory(role="viewer"))
    assert "Shared there" in viewer
    assert "Mine here" not in viewer
    assert "New run" not in viewer


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"whose": "mine"}, {"Alpha", "Beta"}),
        ({"whose": "shared"}, {"Gamma"}),
        ({"whose": "published"}, {"Delta"}),
        ({"status": "failed"}, {"Beta"}),
        ({"q": "alph"}, {"Alpha"}),
        ({"whose": "mine", "status": "succeeded"}, {"Alpha"}),
        ({"whose": "nonsense", "status": "nonsense"}, {"Alpha", "Beta", "Gamma", "Delta"}),
        ({"q": "a\0lph"}, {"Alpha"}),
    ],
)
def test_the_list_is_narrowed(read, analyst, query, found):
    other = UserFactory(role="analyst")
    AnalysisRunFactory(owner=analyst, name="Alpha", succeeded=True)
    AnalysisRunFactory(owner=analyst, name="Beta", failed=True)
    AnalysisRunFactory(owner=other, name="Gamma", succeeded=True, is_shared=True)
    AnalysisRunFactory(owner=other, name="Delta", published=True)
    text = read(analyst, **query)
    assert {name for name in ("Alpha", "Beta", "Gamma", "Delta") if name in text} == found


def test_what_is_not_found_is_said_so(read, analyst):
    AnalysisRunFactory(owner=analyst)
    assert "No run is like that" in read(analyst, q="nothing of the kind")


def test_pages_hold_25_runs_each(client, analyst):
    for number in range(26):
        AnalysisRunFactory(owner=analyst, name=f"Number {number:02}", succeeded=True)
    client.force_login(analyst)
    first = client.get(reverse("runs"), {"whose": "mine"}).content.decode()
    assert "Number 25" in first
    assert "Number 00" not in first
    assert "1&#8211;25 of 26" in first
    older = re.search(r'href="([^"]+)" rel="next"', first)[1]
    second = client.get(unescape(older)).content.decode()
    assert "Number 00" in second
    assert "Number 25" not in second


def test_the_list_takes_few_queries(client, analyst, django_assert_max_num_queries):
    for _ in range(20):
        AnalysisRunFactory(owner=analyst, queued_at=timezone.now())
    client.force_login(analyst)
    with django_assert_max_num_queries(8):
        client.get(reverse("runs"))


def test_runs_that_go_on_say_how_far_they_are(read, analyst):
    AnalysisRunFactory(
        owner=analyst, running=True, iterations_total=100_000, iterations_completed=40_000, rate=1000.0, name="At it"
    )
    for minute in range(2):
        AnalysisRunFactory(owner=analyst, name=f"Next {minute}", queued_at=timezone.now())
    text = read(analyst)
    assert "about 60 seconds left" in text.replace("about 1 minute left", "about 60 seconds left")
    assert "number 2 in the queue" in text


def test_only_ones_own_runs_can_be_cancelled(client, analyst):
    mine = AnalysisRunFactory(owner=analyst, queued_at=timezone.now())
    theirs = AnalysisRunFactory(owner=UserFactory(role="analyst"), is_shared=True, queued_at=timezone.now())
    client.force_login(analyst)
    html = client.get(reverse("runs")).content.decode()
    assert reverse("run_cancel", args=[mine.pk]) in html
    assert reverse("run_cancel", args=[theirs.pk]) not in html
    client.post(reverse("run_cancel", args=[mine.pk]), {"next": reverse("runs")})
    assert AnalysisRun.objects.get(pk=mine.pk).status == RunStatus.CANCELLED


def test_two_runs_are_sent_to_be_compared(client, analyst):
    pair = [AnalysisRunFactory(owner=analyst, succeeded=True).pk for _ in range(2)]
    client.force_login(analyst)
    one = client.get(reverse("runs_chosen"), {"runs": pair[:1]})
    assert one.url == reverse("runs")
    address = reverse("run_compare")
    assert client.get(reverse("runs_chosen"), {"runs": pair}).url == f"{address}?runs={pair[1]},{pair[0]}"
