"""The dashboard's figures in a real browser: drawn under the site's policy, and what one can take away of them."""

import csv
import io
import re
import xml.etree.ElementTree as ET

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_accessible, assert_fits, sign_in

pytestmark = pytest.mark.browser

ONCE = pytest.mark.parametrize(("size", "scheme"), [("desktop", "light")], indirect=True)


def await_drawn(page: Page, key: str) -> None:
    """A slow, busy machine takes its time to read Plotly."""
    expect(page.locator(f"#{key} .scatterlayer .trace").first).to_be_attached(timeout=60_000)


def saved(page: Page, format: str) -> bytes:
    with page.expect_download() as download:
        page.locator(f"#ranking [data-save={format}]").click()
    assert download.value.suggested_filename == f"ranking.{format}"
    return download.value.path().read_bytes()


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "dark"), ("phone", "light")], indirect=True)
def test_figures_are_drawn_in_their_place_and_have_a_table(page: Page):
    sign_in(page, "analyst")
    ranking = page.locator("#ranking")
    await_drawn(page, "ranking")
    expect(ranking.locator(".plot-place")).to_have_accessible_name(re.compile("90 % interval"))
    assert ranking.locator(".plot-place").bounding_box()["height"] == 480
    page.locator("#clusters").scroll_into_view_if_needed()
    await_drawn(page, "clusters")
    expect(page.locator("#clusters .scatterlayer .trace")).to_have_count(3)
    ranking.get_by_text("Table").click()
    expect(ranking.locator("tbody tr")).to_have_count(12)
    assert_fits(page)
    assert_accessible(page)


@ONCE
def test_the_clusters_are_read_year_by_year_from_the_keyboard(page: Page):
    sign_in(page, "analyst")
    clusters = page.locator("#clusters")
    clusters.scroll_into_view_if_needed()
    await_drawn(page, "clusters")
    slider, said = clusters.get_by_label("Year by year"), clusters.locator("output")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    expect(said.locator("b")).to_have_text("2045")
    clusters.locator("summary").click()
    row = clusters.locator("tbody tr").filter(has=page.get_by_role("rowheader", name="2045"))
    assert len(said.locator("span").all()) == 3
    for place, words in enumerate(said.locator("span").all_inner_texts()):
        assert f" {row.locator('td').nth(3 * place).inner_text()} (" in words
        assert words in slider.get_attribute("aria-valuetext")
    expect(clusters.locator(".shapelayer path")).to_have_count(1)


@ONCE
def test_a_figure_is_saved_as_data_and_pictures_that_others_can_read(page: Page):
    sign_in(page, "analyst")
    await_drawn(page, "ranking")
    rows = list(csv.DictReader(io.StringIO(saved(page, "csv").decode())))
    means = [float(row["Probability"]) for row in rows]
    assert len(rows) == 12
    assert means == sorted(means, reverse=True)
    picture = Image.open(io.BytesIO(saved(page, "png")))
    assert picture.format == "PNG"
    assert picture.width == 3125  # 1000 pixels at 300 dots an inch
    assert picture.convert("RGB").getpixel((5, 5)) == (255, 255, 255)
    texts = " ".join(ET.fromstring(saved(page, "svg")).itertext())
    assert page.locator("#ranking h2").inner_text().split(";")[0] in texts
    assert "Source: AI Futures" in texts


@ONCE
def test_figures_follow_the_theme_and_print_in_light(page: Page):
    sign_in(page, "analyst")
    fill = "() => document.querySelector('#ranking .points path')?.style.fill"
    page.wait_for_function(fill)
    light = page.evaluate(fill)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"before => ({fill})() !== before", arg=light)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(f"before => ({fill})() === before", arg=light)


@ONCE
def test_new_numbers_keep_the_axes(page: Page):
    sign_in(page, "analyst")
    await_drawn(page, "ranking")
    layout = "document.querySelector('#ranking .plot-place')._fullLayout"
    ranges = f"() => [{layout}.xaxis.range, {layout}.yaxis.range]"
    before = page.evaluate(ranges)
    page.evaluate("""() => plots.update("ranking", {
        data: [{type: "scatter", mode: "markers", x: [1], y: [0]}], finding: "All is new",
        rows: [[["", "One"], ["", "AAAAAA"], ["", ""], [0.5, "50 %"], [0.1, "10 %"], [0.9, "90 %"]]],
    })""")
    assert page.evaluate(ranges) == before
    expect(page.get_by_role("heading", name="All is new")).to_be_visible()
    expect(page.locator("#ranking tbody tr")).to_have_count(1)
    expect(page.locator("#ranking tbody data").first).to_have_attribute("value", "0.5")


@ONCE
def test_what_somebody_wrote_stands_in_a_figure_letter_by_letter(page: Page):
    sign_in(page, "analyst")
    await_drawn(page, "ranking")
    written = "<b>AT&T</b> &lt; 100 %{x} <br>"
    shown = page.evaluate(
        """async (written) => {
          const place = document.body.appendChild(document.createElement("div")), text = plots.literal(written);
          const trace = { x: [1], y: [1], name: text, text: [text], mode: "markers+text", hovertemplate: text };
          await Plotly.newPlot(place, [trace], { annotations: [{ text, x: 1, y: 1 }], showlegend: true });
          Plotly.Fx.hover(place, [{ curveNumber: 0, pointNumber: 0 }]);
          const found = [".annotation-text", ".legendtext", ".textpoint text", ".hovertext .nums"];
          return found.map((each) => place.querySelector(each).textContent);
        }""",
        written,
    )
    assert shown == [written] * 4


@ONCE
def test_tables_sort_by_number_and_by_name(page: Page):
    sign_in(page, "analyst")
    page.locator("#ranking").get_by_text("Table").click()
    first = page.locator("#ranking tbody tr").first
    likeliest = first.inner_text()
    page.get_by_role("button", name="Code").click()
    expect(page.get_by_role("columnheader", name="Code")).to_have_attribute("aria-sort", "ascending")
    assert first.inner_text() != likeliest
    page.get_by_role("button", name="Probability").click()
    assert first.inner_text() == likeliest
