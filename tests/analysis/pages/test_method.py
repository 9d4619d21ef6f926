"""The method's page: what it explains, where links into it lead, and the scales."""

import ast
import html
import math
import re
from pathlib import Path

import pytest

from aifutures_site.config import get_config
from aifutures_site.environment import PROJECT
from analysis import wording
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

INTO_METHOD = re.compile(r"""(?:\{% url ['"]method['"] %\}|\{\{ method_url \}\})#([\w-]+)""")


@pytest.fixture
def page(client):
    client.force_login(UserFactory(role="viewer"))
    response = client.get("/method")
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def plots_anchors():
    """The sections that figures name: the keyword `method` of every call of `Plot`."""
    for path in Path(PROJECT, "analysis").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Plot":
                for keyword in node.keywords:
                    if keyword.arg == "method":
                        yield from (each.value for each in ast.walk(keyword.value) if isinstance(each, ast.Constant))


def pages_anchors():
    for path in Path(PROJECT, "templates").rglob("*.html"):
        yield from INTO_METHOD.findall(path.read_text())


def test_every_link_into_it_leads_to_a_section(page):
    used = {*plots_anchors(), *pages_anchors(), *re.findall(r'href="#([\w-]+)"', page)} - {"content"}
    assert {"scenarios", "clusters", "discount"} <= used
    assert used <= set(re.findall(r'id="([\w-]+)"', page))


def test_no_section_stands_twice(page):
    sections = re.findall(r'id="([\w-]+)"', page)
    assert len(sections) == len(set(sections))


def test_the_limits_stand_before_everything_else(page):
    assert re.findall(r"<h2[^>]*>([^<]+)", page)[0] == "What this method cannot tell"


def test_the_scales_are_those_that_pages_use(page):
    rows = re.findall(r'<tr><th scope="row">([^<]+)</th><td>([^<]+)</td>', page)
    likelihood, jeffreys = rows[: len(wording.LIKELIHOOD)], rows[len(wording.LIKELIHOOD) :]
    for (word, range_), above in zip(likelihood, (1.0, *(least for least, _ in wording.LIKELIHOOD)), strict=False):
        assert wording.likelihood(above - 1e-6) == word.lower()
        assert range_.endswith(f"to {wording.percent(above)}")
    assert [word.lower() for word, _ in jeffreys] == [word for _, word in wording.JEFFREYS]
    for word, factor in jeffreys:
        assert wording.jeffreys(math.log(float(factor)) + 0.01) == word.lower(), "a little above, as it is rounded"


def test_numbers_are_those_configured(page):
    text = re.sub(r"<[^>]+>", "", page)
    assert f"{get_config().analysis.evidence.within_group_correlation:.2f} within a dependency group" in text
    assert "{{" not in text
    assert "$" not in text


def test_strangers_sign_in_first(client):
    assert client.get("/method").url.startswith("/accounts/login")
