"""The API's description in a real browser: from local files, under the site's security policy."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/docs/redoc"])
def test_the_description_opens_and_fetches_nothing_from_elsewhere(page: Page, site, path):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path)
    expect(page.get_by_role("heading", name="AI Futures").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert all(url.startswith((site.url, "data:", "blob:")) for url in asked)
