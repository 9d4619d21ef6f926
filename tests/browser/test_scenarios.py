"""Scenarios and the network in a real browser: the map by keyboard, the list by filter, the drawing by focus."""

import csv
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_accessible, assert_fits, sign_in

pytestmark = pytest.mark.browser

COMPUTED_MS = 60_000
"""What a worker on a busy machine may take to repeat a run without each finding."""


def test_map_and_list_follow_year_and_filter(page: Page, size: str):
    sign_in(page, "viewer", "/scenarios")
    expect(page.locator(".place")).to_have_count(64)
    heading = page.get_by_role("heading", level=1)
    first = heading.inner_text()
    page.get_by_label("Year").focus()
    page.keyboard.press("Home")
    expect(heading).to_contain_text("2025")
    assert heading.inner_text() != first
    page.get_by_label("AI Progress").select_option("B")
    expect(page).to_have_url(re.compile(r"/scenarios\?year=2025&outcome_H1=B$"))
    expect(page.get_by_text("32 of 64", exact=True)).to_be_visible()
    expect(page.locator(".list tbody tr")).to_have_count(32)
    assert_fits(page)
    assert_accessible(page)

    page.reload()
    expect(page.get_by_text("32 of 64", exact=True)).to_be_visible()
    expect(page.get_by_label("Year")).to_have_value("2025")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download (CSV)").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert len(rows) == 32
    assert all(row["code"].startswith("B") and row["year"] == "2025" for row in rows)


@pytest.mark.parametrize("scheme", ["light"], indirect=True)
def test_arrow_keys_move_on_the_map(page: Page, size: str):
    sign_in(page, "viewer", "/scenarios")
    expect(page.locator("#map-AAAAAA")).to_be_visible()
    page.locator("#map-AAAAAA").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    field = page.locator("#map-AAAABA")
    expect(field).to_be_focused()
    if size == "desktop":
        expect(field.locator(".tip")).to_contain_text("90\u202f% interval")
        assert field.locator(".tip").bounding_box()["width"] > 200
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/scenarios/AAAABA$"))


def test_a_scenario_tells_its_evidence_to_who_may_read_it(page: Page):
    sign_in(page, "analyst", "/scenarios/ABBABB")
    page.locator("#course").scroll_into_view_if_needed()
    expect(page.locator("#course .main-svg").first).to_be_visible()
    page.locator("#carriers").scroll_into_view_if_needed()
    expect(page.locator("#carriers tbody tr")).to_have_count(8, timeout=COMPUTED_MS)
    assert_fits(page)
    assert_accessible(page)


def test_an_arrow_says_what_it_means_and_leads_to_its_row(page: Page, size: str):
    sign_in(page, "analyst", "/network")
    drawing = page.locator(".drawing.wide" if size == "desktop" else ".drawing.narrow")
    expect(drawing.locator(".arrow")).to_have_count(22)
    arrow = drawing.locator("[href='#H2A-H4B']")
    arrow.focus()
    expect(page.locator("#readout")).to_contain_text("“significant risks materialise” (Safety Outcomes) are 1.35 times")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#H2A-H4B$"))
    expect(page.locator("tr:target")).to_contain_text("AGI raises control problems")
    assert_fits(page)
    assert_accessible(page)
    page.locator("tr:target").get_by_role("link", name="What if not?").click()
    expect(page).to_have_url(re.compile(r"/what-if\?strength\.H2A-H4B=0"))
