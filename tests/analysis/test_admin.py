"""A run's page in the admin site: what people read there."""

import re
from html import unescape

import pytest
from django.urls import reverse

from analysis.models import AnalysisRun
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client):
    """The page of a run that succeeded."""
    run = AnalysisRunFactory(
        succeeded=True, rate=1234567.89, max_half_width=1.4142e-05, input_hash="0123456789abcdef" * 4
    )
    client.force_login(UserFactory(role="admin"))
    response = client.get(reverse("admin:analysis_analysisrun_change", args=[run.pk]))
    assert response.status_code == 200
    return response.content.decode()


def value(page, label):
    """What stands under a label, as text."""
    pattern = rf'<label[^>]*>\s*{label}\s*</label>.*?class="readonly[^>]*>(.*?)</div>'
    found = re.search(pattern, page, re.DOTALL | re.IGNORECASE)
    assert found, label
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[1])).split())


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("status", "Succeeded"),
        ("iterations", "4,096 of 4,096"),
        ("rate", "1,234,568 iterations per second"),
        ("max half width", "1.4e-05"),
        ("input hash", "0123456789abcdef" * 4),
    ],
)
def test_values_are_written_for_people(page, label, text):
    assert value(page, label) == text


def test_documents_scroll_in_their_own_boxes(page):
    boxes = re.findall(r'<pre style="([^"]*)"', page)
    assert len(boxes) == 2
    assert all("overflow: auto" in style and "max-height" in style for style in boxes)


class TestActions:
    @pytest.fixture
    def act(self, client):
        """Do an action on runs, as an admin; gives the page that follows."""
        client.force_login(UserFactory(role="admin"))

        def act(action, *runs):
            data = {"action": action, "_selected_action": [str(run.pk) for run in runs]}
            return client.post(reverse("admin:analysis_analysisrun_changelist"), data, follow=True)

        return act

    def test_cancel_ends_what_waits_and_asks_what_runs_to_stop(self, act):
        waiting, running, ended = (
            AnalysisRunFactory(),
            AnalysisRunFactory(running=True),
            AnalysisRunFactory(failed=True),
        )
        assert "1 cancelled, 1 asked to stop." in act("cancel", waiting, running, ended).content.decode()
        waiting, running, ended = (AnalysisRun.objects.get(pk=run.pk) for run in (waiting, running, ended))
        assert (waiting.status, running.status, ended.status) == ("cancelled", "running", "failed")
        assert running.cancel_requested_at is not None
        assert "All of them have ended already." in act("cancel", ended).content.decode()

    def test_download_gives_the_result_with_its_model(self, act):
        run = AnalysisRunFactory(succeeded=True, result={"schema": "x"}, model_document={"name": "A model"})
        response = act("download", run)
        assert response.json() == {"schema": "x", "model_document": {"name": "A model"}}
        assert f'filename="analysisrun-{run.short_id}.json"' in response["Content-Disposition"]
        assert "Choose one that has succeeded." in act("download", AnalysisRunFactory()).content.decode()
