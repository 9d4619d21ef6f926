"""Runs in a real browser with a real worker: asked for, followed through a reload and a lost line, cancelled."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_accessible, assert_fits, follow, sign_in, written

pytestmark = pytest.mark.browser

SLOW = 120_000
"""Milliseconds that a busy machine may need for a run, or to begin one."""
WHOLE = pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")], indirect=True)
ONCE = pytest.mark.parametrize(("size", "scheme"), [("desktop", "light")], indirect=True)


def start(page: Page, name: str, iterations: int) -> None:
    """Fill in the form of a new run and send it; ends on the run's page. Stored answers do not count."""
    page.goto("/runs/new")
    page.get_by_label("Number of iterations").fill(str(iterations))
    page.locator("#name").fill(name)
    page.get_by_text("Advanced").click()
    page.get_by_label("Compute it anew").check()
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))


def open_published(page: Page, user: str) -> None:
    """Sign in, and open the run that is the baseline."""
    sign_in(page, user, "/runs?whose=published")
    page.locator(".run-list th a").first.click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))


@WHOLE
def test_a_new_run_is_asked_for_and_watched_to_its_end(page: Page):
    sign_in(page, "analyst", "/runs/new")
    expect(page.locator("#plan")).to_contain_text("nothing supposed")
    page.locator("#suppose_H4").select_option("do:A")
    expect(page.locator("#plan")).to_contain_text("Made so:")
    assert_fits(page)
    assert_accessible(page)
    start(page, "Watched", 400_000)
    expect(page.get_by_role("navigation", name="Parts of the result")).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Most likely in 2050")
    assert_fits(page)
    assert_accessible(page)
    address = page.url
    for name in ("convergence", "inputs", "reproduce"):
        page.goto(f"{address}/{name}")
        expect(page.locator(".tabs [aria-current]")).to_have_text(name.capitalize())
        assert_fits(page)
        assert_accessible(page)


@ONCE
def test_a_run_is_followed_through_a_reload_and_a_lost_line_and_cancelled(page: Page):
    lines = []

    def through(line):
        line.connect_to_server()
        lines.append(line)

    page.route_web_socket(re.compile("/ws/analysis/progress"), through)
    sign_in(page, "analyst")
    start(page, "Long one", 90_000_000)
    done = page.locator("[data-part='completed']")
    expect(page.locator("h1")).to_have_text("Long one is running", timeout=SLOW)
    expect(page.locator("[data-part='connection']")).to_contain_text("Live")
    expect(page.locator("#convergence .scatterlayer .point").nth(1)).to_be_attached(timeout=SLOW)
    assert_fits(page)
    assert_accessible(page)

    page.reload()
    expect(page.locator("#convergence .scatterlayer .point").nth(1)).to_be_attached()
    expect(page.locator("[data-part='connection']")).to_contain_text("Live")
    before = done.inner_text()
    expect(done).not_to_have_text(before, timeout=SLOW)

    with written(page.locator("[data-part='connection']"), "The connection was lost"):
        lines[-1].close(code=1012)
    expect(page.locator("[data-part='connection']")).to_contain_text("Live", timeout=SLOW)
    before = done.inner_text()
    expect(done).not_to_have_text(before, timeout=SLOW)

    page.goto("/runs")
    row = page.get_by_role("row").filter(has_text="Long one").first
    expect(row.get_by_text("Running")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    follow(row.get_by_role("link", name="Long one"))
    page.get_by_role("button", name="Cancel this run").click()
    expect(page.locator("h1")).to_have_text("Long one was cancelled", timeout=SLOW)
    assert_accessible(page)


@ONCE
def test_what_is_wrong_with_a_new_run_is_said_and_found(page: Page):
    sign_in(page, "analyst", "/runs/new")
    page.get_by_text("Advanced").click()
    page.locator("#seed").fill("-1")
    expect(page.locator("#plan")).to_contain_text("This cannot run as it is")
    page.locator("#seed").fill("7")
    page.locator("#quality_min").fill("0.9")
    expect(page.locator("#plan")).to_contain_text(re.compile(r"\d+ of \d+ items"))
    page.locator("#plan-request summary").click()
    expect(page.locator("#body")).to_contain_text('"quality_min": 0.9')
    page.locator("#seed").fill("8")
    expect(page.locator("#body")).to_contain_text('"seed": 8')
    page.get_by_text("Only certain sources").click()
    page.get_by_label("Find a source").fill("nothing is called like this")
    expect(page.locator(".sources .choice:visible")).to_have_count(0)


@ONCE
def test_a_viewer_is_offered_nothing_that_viewers_may_not_do(page: Page):
    sign_in(page, "viewer", "/runs?whose=published")
    expect(page.get_by_role("link", name="New run")).to_have_count(0)
    follow(page.locator(".run-list th a").first)
    expect(page.get_by_role("link", name="Inputs")).to_have_count(0)
    expect(page.locator("summary", has_text="Export")).to_be_visible()
    expect(page.locator(".run-actions form")).to_have_count(0)


@ONCE
def test_a_rerun_that_is_clicked_twice_is_one_run(page: Page):
    open_published(page, "curator")
    published = page.url
    page.get_by_role("button", name="Rerun", exact=True).dblclick()
    page.wait_for_url(lambda url: url != published)
    page.goto("/runs?whose=mine&q=Baseline")
    expect(page.locator(".run-list tbody tr")).to_have_count(1)


@ONCE
def test_a_page_that_was_gone_back_to_begins_another_run(page: Page):
    open_published(page, "curator")
    button, sent = page.get_by_role("button", name="Rerun", exact=True), page.locator("[data-once] [name=run_id]")
    before = sent.input_value()
    page.evaluate("document.querySelector('[data-once] button').disabled = true")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(button).to_be_enabled()
    expect(sent).to_have_value(re.compile("^[0-9a-f-]{36}$"))
    assert sent.input_value() != before


@ONCE
def test_a_rerun_whose_request_was_stopped_can_be_asked_for_again(page: Page):
    open_published(page, "curator")
    page.clock.install()
    page.route(re.compile("/rerun$"), lambda route: route.fulfill(status=204))  # as a stopped one, it leaves the page
    button = page.get_by_role("button", name="Rerun", exact=True)
    button.click()
    expect(button).to_be_disabled()
    page.clock.run_for(10_000)
    expect(button).to_be_enabled()
