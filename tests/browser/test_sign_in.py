"""The sign-in page and the admin's index in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_accessible, assert_fits, sign_in

pytestmark = pytest.mark.browser


def test_sign_in_page(page: Page):
    page.goto("/accounts/login")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)


def test_works_by_keyboard_alone(page: Page):
    page.goto("/accounts/login")
    page.get_by_label("User name").focus()
    page.keyboard.type("nobody")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    assert_accessible(page)
    page.keyboard.press("Tab")
    focused = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert focused == "2px"


def test_admin_index(page: Page):
    sign_in(page, "admin", "/admin/")
    expect(page).to_have_url("/admin/")
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    assert_accessible(page, "wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
    assert_fits(page)
