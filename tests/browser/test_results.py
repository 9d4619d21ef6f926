"""The tabs of a run's result in a real browser; a study by a real worker."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_accessible, assert_fits, follow, sign_in

pytestmark = pytest.mark.browser

TABS = ["Scenarios", "Timeline", "Hypotheses", "Clusters", "Sensitivity", "Evidence", "Robustness"]


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")], indirect=True)
def test_every_tab_is_readable_and_a_study_is_computed_in_it(page: Page):
    sign_in(page, "analyst", "/runs")
    follow(page.get_by_role("link", name="Baseline").first)
    for name in TABS:
        follow(page.get_by_role("navigation", name="Parts of the result").get_by_role("link", name=name))
        if name == "Sensitivity":
            compute(page)
        if name != "Robustness":
            page.locator(".plot").first.scroll_into_view_if_needed()  # figures are drawn when they are near
            expect(page.locator(".plot .main-svg").first).to_be_attached()
        assert_fits(page)
        assert_accessible(page)


def compute(page: Page) -> None:
    """Start the local study, unless it is there, and see it come without loading the page again."""
    study = page.locator("#study-local")
    begin, done = study.locator("#start-local"), study.locator("h3").filter(has_text="swings it most")
    expect(begin.or_(done).first).to_be_visible()
    if begin.is_visible():
        begin.click()
    expect(done).to_be_visible()
    study.get_by_text("Table").click()
    expect(study.locator("tbody tr").first).to_be_visible()
    if page.viewport_size["width"] > 640:  # a phone has no headings to press
        study.get_by_role("button", name="Swing").click()
        expect(study.get_by_role("columnheader", name="Swing")).to_have_attribute("aria-sort", "descending")
