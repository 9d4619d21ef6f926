"""What all pages share in a real browser: they fit every width, print what they say and can be gone through by key."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_fits, sign_in

pytestmark = pytest.mark.browser

ONCE = pytest.mark.parametrize(("size", "scheme"), [("desktop", "dark")], indirect=True)


@ONCE
def test_pages_fit_the_widths_between_phone_and_desktop(page: Page):
    sign_in(page, "analyst")
    expect(page.locator("h1")).to_be_visible()
    for path in ("/", "/scenarios", "/scenarios/AAAAAA", "/network", "/evidence", "/evidence/H1-001", "/what-if"):
        page.goto(path)
        for width in (650, 768, 901):
            page.set_viewport_size({"width": width, "height": 900})
            assert_fits(page)


@ONCE
def test_what_one_can_press_is_not_printed_and_what_columns_hold_is(page: Page):
    sign_in(page, "analyst", "/scenarios")
    expect(page.locator("#scenario-map")).to_be_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    expect(page.locator("h1")).to_be_visible()
    for pressed in (".bar", ".filters", "#id_year"):
        expect(page.locator(pressed)).to_be_hidden()
    page.goto("/network")
    expect(page.locator("thead").get_by_text("Strength")).to_be_visible()


@ONCE
def test_the_first_key_leads_past_the_bar(page: Page):
    sign_in(page, "analyst", "/scenarios")
    expect(page.locator("#scenario-map")).to_be_visible()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
