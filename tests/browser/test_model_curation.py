"""Admins at work on the model in a real browser: the matrix by keyboard, a pattern's live count, the first page."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_accessible, assert_fits, sign_in

pytestmark = pytest.mark.browser

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
MATRIX = "/admin/analysis/influence/matrix"


def test_the_first_page_fits_and_is_accessible(page: Page):
    sign_in(page, "admin", "/admin/")
    expect(page.get_by_role("heading", name="120 approved items on 6 questions")).to_be_visible()
    expect(page.get_by_role("heading", name="Last runs")).to_be_visible()
    assert_fits(page)
    assert_accessible(page, *WCAG)


def test_the_matrix_is_filled_in_by_keyboard_and_tells_what_it_would_change(page: Page):
    sign_in(page, "admin", MATRIX)
    page.get_by_label("H6A > H1B").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("H6A > H1A")).to_be_focused()
    page.keyboard.type("0.4")
    check = page.locator(".check")
    expect(check).to_contain_text("H6A > H1A: none to 0.4")
    expect(check).to_contain_text("H1 > H3 > H6 > H1")
    assert_fits(page)
    assert_accessible(page, *WCAG)


def test_a_pattern_is_counted_while_it_is_typed(page: Page):
    sign_in(page, "admin", "/admin/analysis/scenariocluster/1/change/")
    rows = page.get_by_role("region", name="What the pattern takes in").locator("tbody tr")
    expect(rows.first).to_contain_text("A**AB*")
    page.locator("#id_pattern").fill("A*****")
    expect(rows.first).to_contain_text("8 → 32")
    expect(rows.first).to_contain_text("%")
    assert_fits(page)
    assert_accessible(page, *WCAG)


def test_lists_and_forms_fit_and_are_accessible(page: Page):
    sign_in(page, "admin", "/admin/")
    for path in (
        "analysis/analysisrun/",
        "analysis/influence/1/change/",
        "analysis/robustnessreport/",
        "evidence/evidence/add/",
        "evidence/hypothesis/1/change/",
        "evidence/source/",
        "evidence/source/1/change/",
        "queues/",
    ):
        page.goto(f"/admin/{path}")
        page.wait_for_load_state("networkidle")
        cut = page.locator(".result-list .data-row > *").evaluate_all(
            "cells => cells.filter((cell) => cell.scrollHeight > cell.clientHeight + 1).map((cell) => cell.textContent)"
        )
        assert not cut
        assert_fits(page)
        assert_accessible(page, *WCAG)


@pytest.mark.parametrize("path", ["/admin/analysis/analysisrun/baselines", "/admin/analysis/scenario/1/history/"])
def test_further_pages_fit_and_are_accessible(page: Page, path):
    sign_in(page, "admin", path)
    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    assert_fits(page)
    assert_accessible(page, *WCAG)
