"""Curators at work in a real browser: the effect of scores, four eyes, and back to an earlier version."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE, SIZES, Site, assert_accessible, assert_fits, follow, sign_in

pytestmark = pytest.mark.browser

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
LIST = "/admin/evidence/evidence/"


def open_item(page: Page, name: str) -> None:
    page.goto(f"{LIST}?q={name}")
    address = page.get_by_role("link", name=name, exact=True).first.get_attribute("href")
    page.goto(f"{address}")


def test_the_effect_follows_the_scores(page: Page):
    sign_in(page, "curator", LIST)
    open_item(page, "H3-001")
    effect = page.get_by_role("region", name="Effect of these scores")
    change = effect.locator("tbody tr td").last
    expect(change).to_have_text("none")
    page.get_by_label("Strength").fill("1")
    expect(change).to_have_text(re.compile(r"[+-]\d+\.\d\d points"))
    expect(effect).to_contain_text("Jeffreys")
    page.get_by_label("Strength").fill("1.5")
    expect(effect.get_by_role("status")).to_have_text("To see it, fill in or correct: strength.")
    assert_fits(page)
    assert_accessible(page, *WCAG)


@pytest.mark.parametrize("path", ["/admin/evidence/evidence/1/history/", "/admin/evidence/source/duplicates"])
def test_pages_fit_and_are_accessible(page: Page, path):
    sign_in(page, "curator", path)
    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    assert_fits(page)
    assert_accessible(page, *WCAG)


class TestFourEyes:
    @pytest.fixture
    def people(self, browser: Browser, site: Site) -> Iterator[list[Page]]:
        """Two who are signed in at once: a curator and an admin."""
        contexts = [browser.new_context(base_url=site.url, viewport=SIZES["desktop"]) for _ in range(2)]
        for context in contexts:
            context.set_default_timeout(PATIENCE)
        pages = [context.new_page() for context in contexts]
        for page, name in zip(pages, ("curator", "admin"), strict=True):
            sign_in(page, name, LIST)
            expect(page.locator("#result_list")).to_be_attached()
        yield pages
        for context in contexts:
            context.close()

    def test_a_change_is_proposed_approved_by_somebody_else_and_taken_back(self, people: list[Page]):
        writer, reviewer = people
        open_item(writer, "H2-002")
        before = writer.get_by_label("Strength").input_value()
        writer.get_by_label("Strength").fill("0.91")
        writer.locator("#id_reason").fill("A larger sample.")
        follow(writer.get_by_role("button", name="Save", exact=True))
        open_item(writer, "H2-002")
        assert_fits(writer)
        follow(writer.get_by_role("button", name="Submit for review"))
        expect(writer.get_by_role("button", name="Approve")).to_have_count(0)

        reviewer.goto(f"{LIST}?q=H2-002")
        reviewer.locator("input.action-select").first.check()
        reviewer.locator("select[name=action]").select_option("approve")
        reviewer.get_by_role("button", name="Run", exact=False).first.click()
        expect(reviewer.get_by_role("heading", name="Approve 1 item")).to_be_visible()
        expect(reviewer.locator("tbody tr").first).to_contain_text("points")
        reviewer.get_by_role("button", name="Approve 1 item").click()
        expect(reviewer.get_by_text("1 approved.")).to_be_visible()

        open_item(writer, "H2-002")
        expect(writer.get_by_label("Strength")).to_have_value("0.91")
        writer.goto(f"{writer.url.replace('/change/', '/history/')}")
        expect(writer.locator("tr.differs td")).to_have_text([before, "0.91"])
        writer.get_by_label("Reason to go back").fill("The sample was the old one.")
        writer.get_by_role("button", name="Restore the version before").click()
        expect(writer.get_by_text("That version is now a draft revision")).to_be_visible()

    def test_a_note_is_shown_as_text(self, people: list[Page]):
        writer, _ = people
        open_item(writer, "H2-003")
        writer.get_by_label("New note").fill("<b>Compare</b> with H2-002.")
        writer.get_by_role("button", name="Add note").click()
        expect(writer.get_by_role("region", name="Notes")).to_contain_text("<b>Compare</b> with H2-002.")
