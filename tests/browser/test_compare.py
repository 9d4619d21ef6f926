"""Runs compared, and a run's report, in a real browser with a real worker."""

import io
import re

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.browser.conftest import assert_accessible, assert_fits, follow, sign_in

pytestmark = pytest.mark.browser

ONCE = pytest.mark.parametrize(("size", "scheme"), [("desktop", "light")], indirect=True)
ENDS = pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")], indirect=True)
COMPUTED_MS = 60_000
"""What a worker on a busy machine may take."""


def second_run(page: Page) -> str:
    """The id of a finished run with another seed than the baseline's."""
    token = page.context.cookies()
    csrf = next(each["value"] for each in token if "csrf" in each["name"])
    made = page.request.post(
        "/api/v1/analysis/run",
        data={"name": "Another seed", "iterations": 4096, "seed": 9},
        headers={"X-CSRFToken": csrf, "Prefer": "wait=25", "Referer": page.url},
    )
    assert made.ok, made.text()
    return str(made.json()["run_id"])


@ENDS
def test_runs_are_chosen_and_compared(page: Page):
    sign_in(page, "analyst", "/runs/compare")
    expect(page.get_by_role("heading", name="Compare runs")).to_be_visible()
    assert_accessible(page)
    pk = second_run(page)
    page.goto(f"/runs/{pk}")
    expect(page.get_by_role("link", name="Summary")).to_be_visible(timeout=COMPUTED_MS)
    page.goto("/runs/compare")
    page.get_by_role("checkbox", name=re.compile("Another seed")).first.check()
    page.get_by_role("checkbox", name=re.compile("^Baseline")).last.check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#outcomes-1 .scatterlayer").first).to_be_attached(timeout=COMPUTED_MS)
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("likel|agree"))
    expect(page.locator(".loading")).to_have_count(0)
    page.get_by_label("What should be explained").select_option(index=1)
    follow(page.get_by_role("button", name="Show"))
    page.locator("#courses").scroll_into_view_if_needed()
    expect(page.locator("#courses .scatterlayer").first).to_be_attached()
    assert_fits(page)
    assert_accessible(page)


@ONCE
def test_a_report_is_made(page: Page):
    sign_in(page, "viewer", "/runs")
    address = page.get_by_role("link", name="Baseline", exact=False).first.get_attribute("href")
    for _ in range(COMPUTED_MS // 500):
        found = page.request.get(f"{address}/report.pdf")
        if found.headers["content-type"] == "application/pdf":
            break
        page.wait_for_timeout(500)
    assert len(PdfReader(io.BytesIO(found.body())).pages) > 5
