"""The page of a run and its tabs."""

import pytest
from django.urls import reverse

from analysis.services.model_documents import published_study
from tests.analysis.pages.test_home import result
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst():
    return UserFactory(role="analyst")


@pytest.fixture
def finished(analyst):
    return AnalysisRunFactory(
        succeeded=True, owner=analyst, model_document=published_study().to_json(), result=result(), name="Mine"
    )


def test_a_finished_run_says_what_came_out(client, analyst, finished):
    client.force_login(analyst)
    text = client.get(reverse("run", args=[finished.pk])).content.decode()
    assert "Most likely in 2050: accelerating progress, AI stays narrow" in text
    assert 'aria-current="page">Summary' in text


def test_others_do_not_find_it(client, finished):
    client.force_login(UserFactory(role="analyst"))
    assert client.get(reverse("run", args=[finished.pk])).status_code == 404


def test_a_tab_that_there_is_not(client, analyst, finished):
    client.force_login(analyst)
    assert client.get(reverse("run_tab", args=[finished.pk, "nonsense"])).status_code == 404


def test_a_tab_before_the_end_leads_to_where_one_waits(client, analyst):
    run = AnalysisRunFactory(owner=analyst)
    client.force_login(analyst)
    answer = client.get(reverse("run_tab", args=[run.pk, "summary"]))
    assert answer.status_code == 302
    assert answer.url == reverse("run", args=[run.pk])
