"""The what-if explorer in a real browser, answered by a real worker."""

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from analysis import wording
from tests.browser.conftest import assert_accessible, assert_fits, sign_in, written

pytestmark = pytest.mark.browser

ONCE = pytest.mark.parametrize(("size", "scheme"), [("desktop", "light")], indirect=True)
ANSWERED = re.compile(r"In 2050 .* The likeliest scenario (stays|becomes)")
ASKED = "/what-if%3Fposterior.H1=0.2%26set.H4=A%26set.H4.year=2030"
ANSWERS = "**/api/v1/what-if"


def explorer(page: Page, path: str = "/what-if") -> Locator:
    """The explorer, opened and drawn; gives the line that says what follows."""
    sign_in(page, "analyst", path)
    expect(page.locator("#what-if-ranking .scatterlayer .trace").first).to_be_attached()
    summary = page.locator("#assumptions > summary")
    if summary.is_visible():
        summary.click()
    return page.locator("#effect")


def answered(page: Page, effect: Locator) -> None:
    """Return once a worker has answered; while it warms up, ask again."""
    again = page.get_by_role("button", name="Try again")
    expect(effect.filter(has_text=ANSWERED).or_(again).first).to_be_visible()
    expect(effect).to_have_text(ANSWERED)


def press(slider: Locator, key: str, times: int) -> None:
    slider.focus()
    for _ in range(times):
        slider.press(key)


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def numbers(page: Page) -> list[str]:
    """What each hypothesis becomes."""
    return page.locator(".outcome").all_inner_texts()


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")], indirect=True)
def test_a_slider_moves_the_numbers_and_the_address(page: Page):
    effect = explorer(page)
    before = numbers(page)
    slider = page.get_by_label("AI Progress: probability that the evidence gives")
    shifts = "new PerformanceObserver((list) => list.getEntries().forEach((each) => { window.shift += each.value; }))"
    page.evaluate(f"window.shift = 0; {shifts}.observe({{ type: 'layout-shift' }})")
    press(slider, "Home", 1)
    answered(page, effect)
    assert query(page) == {"posterior.H1": ["0.01"]}
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^1\u202f%, in the model \d+"))
    expect(page.locator("#asked")).to_have_text("What if \u201caccelerating progress\u201d were at 1\u202f%?")
    after = numbers(page)
    assert all("baseline" in text for text in after)
    assert [old == new.partition(", baseline")[0] for old, new in zip(before, after, strict=True)].count(True) < 6
    expect(page.locator("#said")).to_have_text(ANSWERED)
    assert page.evaluate("window.shift") < 0.1
    assert_fits(page)
    assert_accessible(page)
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#asked")).to_have_text("What if things were otherwise?")
    assert (numbers(page), query(page)) == (before, {})


@ONCE
def test_the_address_means_the_same_later_and_goes_back(page: Page):
    effect = explorer(page)
    press(page.get_by_label("AI Progress: probability that the evidence gives"), "Home", 1)
    answered(page, effect)
    first = numbers(page)
    with written(effect):
        page.get_by_label("Safety Outcomes: make it so", exact=True).select_option("effective control")
    with written(effect):
        page.get_by_label("Safety Outcomes: make it so, from which year").select_option("2040")
    expect(page.locator(".hypothesis[data-code=H4] .outcome")).to_have_text(re.compile("2050: 100"))
    assert query(page) == {"posterior.H1": ["0.01"], "set.H4": ["A"], "set.H4.year": ["2040"]}
    second, said = numbers(page), effect.inner_text()
    page.reload()
    expect(effect).to_have_text(said)
    assert numbers(page) == second
    page.go_back()  # the year
    expect(page.get_by_label("Safety Outcomes: make it so, from which year")).to_have_value("2030")
    page.go_back()  # the outcome
    expect(page.get_by_label("Safety Outcomes: make it so", exact=True)).to_have_value("")
    expect(page.locator(".hypothesis[data-code=H4] .outcome")).to_have_text(first[3])
    assert numbers(page) == first
    assert query(page) == {"posterior.H1": ["0.01"]}


@ONCE
def test_learning_something_tells_of_its_causes_and_doing_it_does_not(page: Page):
    effect = explorer(page)
    answers = {}
    for kind in ("suppose we learn", "make it so"):
        page.get_by_label(f"Employment Impact: {kind}", exact=True).select_option("AI displaces workers")
        expect(page.locator(".hypothesis[data-code=H3] .outcome")).to_have_text(re.compile("2050: 0"))
        answered(page, effect)
        answers[kind] = page.locator(".hypothesis[data-code=H2] .outcome").inner_text()
        page.get_by_role("button", name="Reset").click()
    agi = {kind: re.match(r"2050: ([\d.]+).*baseline ([\d.]+)", text).groups() for kind, text in answers.items()}
    learned, before = map(float, agi["suppose we learn"])
    assert learned > before, "who sees workers displaced has reason to think of AGI"
    assert agi["make it so"][0] == agi["make it so"][1], "who displaces them has none"


@ONCE
def test_every_move_is_answered_and_the_figure_keeps_its_order(page: Page):
    effect = explorer(page, ASKED)
    answered(page, effect)
    order = page.locator("#what-if-ranking .ytick").all_inner_texts()
    slider = page.get_by_label("AGI Achievement: probability that the evidence gives")
    for percent in range(20, 80, 4):
        with written(effect):
            slider.fill(str(percent / 100))
    assert page.locator("#what-if-ranking .ytick").all_inner_texts() == order


@ONCE
def test_one_request_at_a_time_and_the_newest_wins(page: Page):
    effect = explorer(page)
    under_way, most, asked = 0, 0, []

    def begun(request) -> None:
        nonlocal under_way, most
        if request.url.endswith("/api/v1/what-if"):
            under_way += 1
            most = max(most, under_way)
            asked.append(request.post_data_json["overrides"]["posteriors"]["H1"])

    def ended(request) -> None:
        nonlocal under_way
        under_way -= request.url.endswith("/api/v1/what-if")

    page.on("request", begun)
    page.on("requestfinished", ended)
    with page.expect_response(lambda response: '"H1":0.6}' in (response.request.post_data or "")):
        page.evaluate("""() => {
          const slider = document.getElementById("posterior.H1");
          for (let percent = 10; percent <= 60; percent += 1) {
            slider.value = String(percent / 100);
            slider.dispatchEvent(new Event("input", { bubbles: true }));
          }
        }""")
    answered(page, effect)
    expect(page.locator("#state")).to_have_text("")
    assert (most, asked[-1]) == (1, 0.6)
    assert len(asked) < 10


REFUSED = {
    429: "There is room again in 30 s",
    503: "no interactive worker is running. Your changes are kept.",
}


@ONCE
@pytest.mark.parametrize("status", REFUSED)
def test_what_stands_in_the_way_is_told_and_tried_again(page: Page, status: int):
    effect = explorer(page)
    words, refusals = REFUSED[status], []

    def refuse_once(route: Route) -> None:
        if refusals:
            return route.continue_()
        refusals.append(status)
        # the browser itself logs a status of 400 and more as an error, which no page may have here
        return route.fulfill(status=200, headers={"X-Status": str(status), "Retry-After": "30"}, json={})

    page.add_init_script("""
      const real = window.fetch;
      window.fetch = async (...given) => {
        const response = await real(...given), status = response.headers.get("X-Status");
        if (!status) return response;
        const body = JSON.stringify({ status: Number(status), detail: "no interactive worker is running." });
        return new Response(body, { status: Number(status), headers: response.headers });
      };""")
    page.route(ANSWERS, refuse_once)
    page.clock.install()
    page.reload()
    press(page.get_by_label("AI Progress: probability that the evidence gives"), "End", 1)
    expect(page.locator("#state")).to_contain_text(words)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator("#said")).to_contain_text(words)
    page.clock.fast_forward(30_000)
    answered(page, effect)
    expect(page.locator("#state")).to_have_text("")
    assert query(page) == {"posterior.H1": ["0.99"]}


@ONCE
def test_a_question_is_saved_and_run_in_full(page: Page):
    effect = explorer(page, ASKED)
    answered(page, effect)
    asked = query(page)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("textbox", name="Name").fill("Early safety")
    page.locator("#save").get_by_role("button", name="Save").click()
    saved = page.get_by_role("link", name="Early safety")
    expect(saved).to_be_visible()
    assert query(page) == asked
    assert_accessible(page)
    page.get_by_role("button", name="Delete Early safety").click()
    expect(saved).to_have_count(0)
    page.get_by_role("button", name="Run in full").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}"))
    run = f"/api/v1/analysis/{urlsplit(page.url).path.rpartition('/')[2]}"
    model = page.request.get(f"{run}/model").json()
    assert model["run"]["interventions"] == [{"hypothesis": "H4", "outcome": "A", "from_year": 2030}]
    assert model["hypotheses"][0]["posterior_probability"] == 0.2
    token = page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value")
    assert page.request.post(f"{run}/cancel", headers={"X-CSRFToken": token}).ok


@ONCE
def test_scripts_write_numbers_as_pages_do(page: Page):
    explorer(page)
    grid = [0.0, 1.0, *np.geomspace(1e-5, 0.5, 60).tolist(), *(1 - np.geomspace(1e-5, 0.5, 60)).tolist()]
    found = page.evaluate(
        "(grid) => grid.map((each) => [wording.percent(each), wording.points(each), wording.points(-each)])", grid
    )
    assert found == [[wording.percent(each), wording.points(each), wording.points(-each)] for each in grid]
