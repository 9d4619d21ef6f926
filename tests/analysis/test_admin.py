"""A run's page in the admin site: what people read there."""

import re
from html import unescape

import pytest
from django.urls import reverse

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
