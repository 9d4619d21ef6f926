"""The evidence and the method in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_accessible, assert_fits, sign_in

pytestmark = pytest.mark.browser

ONCE = pytest.mark.parametrize(("size", "scheme"), [("desktop", "light")], indirect=True)
CORNERS = pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")], indirect=True)
WAIT = 60_000
"""Milliseconds that a busy machine's worker may need."""


@CORNERS
def test_findings_are_narrowed_down_and_the_address_keeps_it(page: Page):
    sign_in(page, "analyst", "/evidence")
    expect(page.locator("#balance .barlayer .point")).to_have_count(12)
    page.get_by_role("link", name=re.compile("AGI Achievement")).first.click()
    page.wait_for_url(re.compile("hypothesis=H2"))
    all_of_it = page.locator("#found [role=status]").inner_text()
    page.get_by_label("Words").press_sequentially("METR")
    page.wait_for_url(re.compile(r"\?(?=.*hypothesis=H2)(?=.*q=METR)"))
    expect(page.locator("#found [role=status]")).not_to_have_text(all_of_it)
    kept = page.locator("#found tbody th").all_inner_texts()
    assert kept
    page.reload()
    assert page.locator("#found tbody th").all_inner_texts() == kept
    assert_fits(page)
    assert_accessible(page)


@ONCE
def test_a_bar_shows_its_findings(page: Page):
    sign_in(page, "analyst", "/evidence")
    bar = page.locator("#balance .barlayer .point").first
    expect(bar).to_be_visible()
    box = bar.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile("hypothesis=H1"))


@CORNERS
def test_a_finding_tells_what_it_does_once_a_worker_has_answered(page: Page):
    sign_in(page, "analyst", "/evidence/H1-003")
    expect(page.locator("#influence table")).to_be_visible(timeout=WAIT)
    expect(page.locator("#influence tbody tr")).to_have_count(2)
    assert_fits(page)
    assert_accessible(page)


@CORNERS
def test_equations_scroll_inside_themselves(page: Page):
    sign_in(page, "viewer", "/method#discount")
    expect(page.locator("#discount")).to_be_in_viewport()
    assert page.locator(".equation math").count() > 10
    assert_fits(page)
    assert_accessible(page)
