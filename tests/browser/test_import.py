"""A curator at work in a real browser: a table with a bad row, corrected, imported and given into review."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from evidence.tables import MAX_BYTES, write_csv
from tests.browser.conftest import assert_accessible, assert_fits, follow, sign_in
from tests.browser.test_curation import LIST, WCAG, open_item
from tests.evidence.test_imports import ROW, table

pytestmark = pytest.mark.browser


def test_a_bad_row_is_named_corrected_imported_and_submitted(page: Page, tmp_path: Path, size: str, scheme: str):
    name = f"H1-{size}-{scheme}"
    place = {"source_url": f"https://example.org/{name}", "source_title": f"A survey, {size} and {scheme}"}
    good = {**ROW, **place, "id": name}
    bad = {**good, "id": f"{name}-2", "strength": "1.5"}
    sign_in(page, "curator", LIST)
    follow(page.get_by_role("link", name="Import", exact=True))
    assert_fits(page)
    assert_accessible(page, *WCAG)

    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * (MAX_BYTES + 1))
    field = page.get_by_label("File", exact=True)
    field.set_input_files(large)
    assert "larger than 20 MB" in field.evaluate("field => field.validationMessage")

    def check(*rows: dict[str, str]) -> None:
        file = tmp_path / "survey.csv"
        file.write_bytes(write_csv(table(*rows)))
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Check the file").click()

    check(good, bad)
    rows = page.get_by_role("region", name="Rows")
    expect(rows.get_by_role("row", name="Row 2")).to_contain_text("strength: Ensure this value is less than or equal")
    expect(page.get_by_role("button", name="Import", exact=False)).to_have_count(0)
    assert_fits(page)
    assert_accessible(page, *WCAG)

    follow(page.get_by_role("link", name="Upload the corrected file"))
    check(good, {**bad, "strength": "0.5"})
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_text("2 rows written.")).to_be_visible()
    open_item(page, name)
    page.get_by_role("button", name="Submit for review").click()
    expect(page.get_by_role("heading", name="Review: submitted")).to_be_visible()
