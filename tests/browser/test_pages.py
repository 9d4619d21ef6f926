"""The admin's lists and forms in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_accessible, assert_fits, sign_in

pytestmark = pytest.mark.browser

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")


def test_list_of_evidence(page: Page):
    sign_in(page, "curator", "/admin/evidence/evidence/")
    expect(page.locator("#result_list")).to_be_attached()
    assert_fits(page)
    assert_accessible(page, *WCAG)
