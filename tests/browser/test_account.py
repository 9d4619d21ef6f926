"""One's own account in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_accessible, assert_fits, sign_in

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "dark"), ("phone", "light")], indirect=True)
@pytest.mark.parametrize("path", ["/account", "/account/keys", "/account/password"])
def test_pages_fit_and_are_accessible(page: Page, path):
    sign_in(page, "curator", path)
    expect(page.get_by_role("navigation", name="Your account")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light")], indirect=True)
def test_a_key_is_made_and_revoked(page: Page):
    sign_in(page, "analyst", "/account/keys")
    page.get_by_label("Name").fill("notebook")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator(".secret")).to_contain_text("aif_")
    page.get_by_role("button", name="Revoke notebook").click()
    expect(page.get_by_role("status")).to_contain_text("notebook has ended")
    expect(page.get_by_text("You have no key yet")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light"], indirect=True)
def test_the_menu_offers_what_the_role_may_and_leads_out(page: Page, size):
    sign_in(page, "viewer")
    if size == "phone":
        page.get_by_text("Menu", exact=True).click()
    else:
        page.get_by_role("button", name="viewer").click()
    menu = page.get_by_role("navigation", name="Main")
    expect(menu.get_by_role("link", name="Dashboard")).to_have_attribute("aria-current", "page")
    expect(menu.get_by_role("link", name="Admin")).to_have_count(0)
    expect(page.get_by_text("Signed in as viewer, viewer")).to_be_visible()
    page.get_by_role("link", name="Your account").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    if size == "phone":
        page.get_by_text("Menu", exact=True).click()
    else:
        page.get_by_role("button", name="viewer").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
