"""Figures as pages get them: words, tables, colours, and what the template tag makes of them."""

import json
import re
from itertools import pairwise

import pytest
from django.template import Context, Template

from analysis.differences import Difference, Explained, Part
from analysis.plots import Column, Plot, Table, cluster_colour
from analysis.plots.clusters import LABEL_APART, clusters_over_time
from analysis.plots.comparison import changes_of, courses, waterfall
from analysis.plots.dendrogram import named_clusters
from analysis.plots.hypotheses import balances
from analysis.plots.plot import literal
from analysis.plots.ranked import rows_axis, rows_on_phone
from analysis.plots.scenarios import ranking
from analysis.plots.source import run_source
from analysis.plots.subjects import Subjects
from analysis.plots.timeline import hypotheses_over_time
from analysis.plots.variance import interactions
from analysis.plots.what_if import clusters_with_ghosts, hypotheses_with_ghosts, ranking_of_changes
from analysis.reports import ClusterRow, Estimate, HypothesisRow, Report, ScenarioRow, Year
from tests.factories import AnalysisRunFactory


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("text", "a & b", "a & b"),
        ("percent", 0.0743, "7.4\u202f%"),
        ("percent", 0, "0\u202f%"),
        ("percent", None, ""),
        ("points", 0.0132, "+1.3\u202fpoints"),
        ("points", -0.123, "\u221212\u202fpoints"),
        ("points", 0.0004, "no change"),
        ("number", 1234.5, "1.23e+03"),
        ("number", 0.012345, "0.0123"),
        ("whole", 5_000_000, "5,000,000"),
        ("plain", 2050, "2050"),
    ],
)
def test_a_value_is_written_as_its_column_says(kind, value, text):
    assert Column("x", kind).words(value) == text


def test_a_row_has_to_fit_its_columns():
    with pytest.raises(ValueError, match="shorter"):
        Table([Column("a"), Column("b")], [["only one"]]).cells  # noqa: B018 - it is read for its error


def plot(**more):
    table = Table([Column("Name"), Column("P", "percent")], [["<b>one</b>", 0.25]])
    given = {"figure": {"data": [{"name": "</script>"}]}, "table": table, **more}
    return Plot("key", "A < B", "Of what", "Source: here", **given)


def rendered(plot):
    return Template("{% load plots %}{% plot plot %}").render(Context({"plot": plot}))


class TestTag:
    def test_the_figure_carries_its_words_its_table_and_its_numbers(self):
        text = rendered(plot())
        assert 'aria-label="A &lt; B. Of what"' in text
        assert "<noscript>" in text
        assert "&lt;b&gt;one&lt;/b&gt;" in text
        assert '<data value="0.25">25\u202f%</data>' in text
        body = re.search(r'<script type="application/json">(.*?)</script>', text)[1]
        assert json.loads(body) == {"data": [{"name": "</script>"}]}
        assert 'data-dpi="300"' in text
        assert "style=" not in text

    def test_a_method_page_is_linked_where_there_is_one(self, settings):
        assert "What is this?" not in rendered(plot())
        settings.ROOT_URLCONF = "tests.analysis.plots.method_urls"
        assert '<a href="/somewhere#the-part">What is this?</a>' in rendered(plot(method="the-part"))


@pytest.mark.django_db
def test_the_colours_of_the_clusters_are_tokens():
    from analysis.models import ScenarioCluster

    found = {cluster_colour(colour) for colour in ScenarioCluster.objects.values_list("colour", flat=True)}
    assert found == {"var(--cluster-adaptive)", "var(--cluster-fragmented)", "var(--cluster-constrained)"}
    assert cluster_colour("#123456") == "#123456"


def report(shares):
    """A report of as many clusters as there are shares, the same in both years."""
    clusters = [
        ClusterRow(f"Family {place}", "#009E73", 1, Estimate(mean, 0.0, 1.0)) for place, mean in enumerate(shares)
    ]
    rows = [
        ScenarioRow("AAAAAA", "First", clusters[0], Estimate(0.6, 0.5, 0.7)),
        ScenarioRow("B", "", None, Estimate(0.1, 0, 0.2)),
    ]
    years = [Year(year, [row.estimate for row in clusters]) for year in (2025, 2050)]
    return Report(None, 2050, 64, [], rows, [], clusters, years, {})


class TestClusters:
    def test_bands_are_stacked_in_percent_and_named_with_their_share(self):
        made = clusters_over_time(report([0.2, 0.3, 0.5]), source="")
        assert [trace["y"] for trace in made.figure["data"]] == [[20.0, 20.0], [30.0, 30.0], [50.0, 50.0]]
        assert {trace["stackgroup"] for trace in made.figure["data"]} == {"clusters"}
        labels = made.figure["layout"]["annotations"]
        assert [label["text"] for label in labels] == ["Family 0 20\u202f%", "Family 1 30\u202f%", "Family 2 50\u202f%"]
        assert [label["y"] for label in labels] == pytest.approx([10, 35, 75])
        assert made.finding == "Family 2 is the likeliest family in 2050 at 50\u202f%, as it was with 50\u202f% in 2025"
        assert made.years[2025][0] == "Family 0 20\u202f% (0–100\u202f%)"
        assert [len(each) for each in made.years.values()] == [3, 3]
        assert made.table.rows[0] == [2025, 0.2, 0.0, 1.0, 0.3, 0.0, 1.0, 0.5, 0.0, 1.0]

    def test_labels_of_narrow_bands_do_not_lie_on_each_other(self):
        made = clusters_over_time(report([0.9, 0.01, 0.01, 0.08]), source="")
        heights = [label["y"] for label in made.figure["layout"]["annotations"]]
        assert min(high - low for low, high in pairwise(heights)) >= 100 * LABEL_APART - 1e-9


def test_the_ranking_shows_mean_and_interval_by_cluster():
    made = ranking(report([1.0]).scenarios, finding="F", year=2050, number=64, source="")
    first, second = made.figure["data"]
    assert (first["name"], first["x"], first["y"]) == ("Family 0", [60.0], [0])
    assert (first["error_x"]["array"], first["error_x"]["arrayminus"]) == ([pytest.approx(10)], [pytest.approx(10)])
    assert (second["name"], second["y"], second["marker"]["color"]) == ("No cluster", [1], "var(--grey)")
    assert made.figure["layout"]["yaxis"]["ticktext"] == ["First", "B"]
    assert [row[1] for row in made.table.rows] == ["AAAAAA", "B"]


WRITTEN = "<i>%{z}&lt;"
"""What somebody may call a run, a cluster, a scenario or an outcome, and Plotly would read as markup."""


def figures_of_what_somebody_wrote():
    chance = Estimate(0.5, 0.4, 0.6)
    family = ClusterRow(WRITTEN, "#009E73", 1, chance)
    question = HypothesisRow("H1", WRITTEN, WRITTEN, WRITTEN, chance)
    years = [Year(year, [chance]) for year in range(2025, 2051)]
    rows = [ScenarioRow("A", WRITTEN, family, chance)]
    told = Report(None, 2050, 2, [WRITTEN], rows, [question], [family], years, {})
    spread = {"mean": 0.5, "q05": 0.4, "q95": 0.6}
    result = {
        "scenario_probabilities": {"A": 0.5},
        "scenario_intervals": {"A": spread},
        "temporal_evolution": [
            {
                "year": year.year,
                "hypotheses": {"H1": spread},
                "clusters": {WRITTEN: 0.5},
                "cluster_intervals": {WRITTEN: spread},
            }
            for year in years
        ],
    }
    moved = Difference("scenario", "A", WRITTEN, 0.4, 0.5, 0.1, 0.01, True)
    names = (WRITTEN, WRITTEN)
    yield ranking(rows, finding="", year=2050, number=2, source="")
    yield clusters_over_time(told, source="")
    yield named_clusters(told, source="")
    yield balances(told, source="")
    yield hypotheses_over_time(told, result["temporal_evolution"], source="")
    yield changes_of([moved], key="changes", what="scenarios", names=names, source="")
    yield waterfall(Explained(moved, [Part(WRITTEN, 0.1, 0.01)]), key="steps", names=names, source="")
    yield courses([told, told], names, source="")
    yield clusters_with_ghosts(told, result=result, source="")
    yield hypotheses_with_ghosts(told, result=result, source="")
    yield ranking_of_changes(told, titles={"A": WRITTEN}, clusters={"A": WRITTEN}, result=result, source="")


def texts(part):
    """All texts of a figure but those that only our own scripts read."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for name, each in part.items():
            yield from texts(each) if name != "meta" else ()
    elif isinstance(part, list | tuple):
        for each in part:
            yield from texts(each)


@pytest.mark.parametrize("made", list(figures_of_what_somebody_wrote()), ids=lambda made: made.key)
def test_what_somebody_wrote_is_no_markup_in_a_figure(made):
    found = list(texts(made.figure))
    assert any(literal(WRITTEN) in text for text in found)
    assert not [text for text in found if "<i>" in text or "%{z}" in text or "z}&lt;" in text]


@pytest.mark.django_db
def test_a_run_without_a_result_is_no_source():
    with pytest.raises(ValueError, match="no result to cite"):
        run_source(AnalysisRunFactory())


def crossed(*values):
    """A study of three numbers whose pairs have these shares, each a little clear of zero."""
    names = [f"prior:H{number}" for number in (1, 2, 3)]
    pairs = [(names[0], names[1]), (names[0], names[2]), (names[1], names[2])]
    found = [
        {"parameters": list(pair), "value": value, "low": 0.9 * value, "high": 1.1 * value, "half_width": 0.1 * value}
        for pair, value in zip(pairs, values, strict=True)
    ]
    request = {"confidence": 0.95}
    return {"output": "entropy@2050", "ranking": names, "interactions": found, "metadata": {"request": request}}


def test_the_pair_that_works_together_most_is_named_and_noise_is_not():
    words = Subjects({"hypotheses": []}, {})
    assert interactions(crossed(0.02, 0.07, 0.0004), words, source="").finding.startswith(
        "Prior of H1 and Prior of H3 "
    )
    assert "No two" in interactions(crossed(0.0004, 0.0002, 0.003), words, source="").finding


@pytest.mark.parametrize(("values", "written"), [((0.02, 0.07, 0.0004), 2), ((0.0004, 0.0002, 0.003), 0)])
def test_a_cell_is_written_where_its_pair_might_be_named(values, written):
    made = interactions(crossed(*values), Subjects({"hypotheses": []}, {}), source="")
    texts = [text for row in made.figure["data"][0]["text"] for text in row if text]
    assert len(texts) == written
    assert made.finding.startswith("No two") == (not texts)
    assert "written from 1 % on, where the 95 % interval stands clear of zero" in made.subtitle


def test_a_name_of_one_long_word_keeps_its_beginning():
    name = "Governance/labour-market/structural-change/long-run-consequences"
    shown = [rows_axis([name])["ticktext"][0], rows_on_phone([name])["annotations"][0]["text"]]
    assert shown == [f"{name[:50]}…", f"{name[:44]}…"]
