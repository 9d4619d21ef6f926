"""The scenarios' pages: the map, the list with its filters, one scenario."""

import csv
import io
import re
from itertools import pairwise

import pytest
from django.core.cache import cache
from django.urls import reverse

from analysis.futures import Futures
from analysis.models import Scenario
from analysis.scenario_map import scenario_map
from analysis.scenario_profile import scenario_profile
from analysis.services.derived import INFLUENCE, Question, answer_keep
from analysis.wording import percent
from tests.analysis.api.support import computed, finished_run
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = pytest.mark.django_db

CODE = "ABBABB"
ROW = re.compile(r'<th scope="row"><a href="/scenarios/([AB]{6})')


@pytest.fixture
def baseline():
    return finished_run(published=True, name="First baseline")


@pytest.fixture
def read(client):
    """A page as one of a role reads it: the status and the text with its tags."""

    def as_role(path, role="viewer", **headers):
        client.force_login(UserFactory(role=role))
        response = client.get(path, headers=headers)
        return response.status_code, response.content.decode().replace("&#8239;", "\u202f")

    return as_role


def numbers(year=2050):
    """Of the computed run: probabilities and intervals in a year."""
    entry = next(each for each in computed()[1]["temporal_evolution"] if each["year"] == year)
    return entry["scenarios"], entry["intervals"]


class TestList:
    def test_all_are_listed_the_likeliest_first(self, read, baseline):
        status, text = read("/scenarios")
        found, _ = numbers()
        assert status == 200
        assert ROW.findall(text) == sorted(found, key=lambda code: -found[code])
        assert "All 64 in 2050" in text

    @pytest.mark.sqlite
    def test_filters_meet(self, read, baseline):
        _, text = read("/scenarios?min_probability=0.01&cluster=Adaptive+Integration&outcome_H2=B&year=2040")
        found, _ = numbers(2040)
        wanted = [code for code in found if re.fullmatch("AB.AB.", code) and found[code] >= 0.01]
        assert wanted
        assert set(ROW.findall(text)) == set(wanted)
        assert f"<b>{len(wanted)} of 64</b>, together {percent(sum(found[code] for code in wanted))} in 2040" in text

    @pytest.mark.parametrize(
        ("order", "key"),
        [
            ("code", lambda code: code),
            ("high", lambda code: -numbers()[1][code]["q95"]),
            ("scenario", lambda code: Scenario.objects.get(code=code).title),
        ],
    )
    def test_it_is_sorted_as_its_heading_says(self, read, baseline, order, key):
        codes = ROW.findall(read(f"/scenarios?sort={order}")[1])
        assert len(codes) == 64
        assert all(key(before) <= key(after) for before, after in pairwise(codes))

    def test_what_fits_nothing_says_so(self, read, baseline):
        _, text = read("/scenarios?min_probability=0.99")
        assert "No scenario fits all of that" in text
        assert "scenarios.csv" not in text

    @pytest.mark.parametrize(
        ("query", "words"),
        [("year=2051", "Year: "), ("min_probability=high", "At least: "), ("outcome_H2=C", "AGI Achievement: ")],
    )
    def test_what_cannot_be_read_is_named_and_not_used(self, read, baseline, query, words):
        status, text = read(f"/scenarios?{query}")
        assert status == 400
        assert f"<li>{words}" in text
        assert len(ROW.findall(text)) == 64

    def test_a_change_of_the_filter_answers_with_the_parts_and_the_address(self, client, baseline):
        client.force_login(UserFactory(role="viewer"))
        response = client.get("/scenarios?year=2040&cluster=&outcome_H1=B", headers={"HX-Request": "true"})
        assert response["HX-Replace-Url"] == "/scenarios?year=2040&outcome_H1=B"
        assert response.content.decode().count('hx-swap-oob="true"') == 3
        assert b"<html" not in response.content

    def test_it_can_be_taken_along(self, client, baseline):
        client.force_login(UserFactory(role="viewer"))
        response = client.get("/scenarios.csv?outcome_H1=A&outcome_H2=A&outcome_H3=A&year=2035&sort=code")
        rows = list(csv.DictReader(io.StringIO(response.content.decode())))
        found, intervals = numbers(2035)
        assert [row["code"] for row in rows] == sorted(code for code in found if code.startswith("AAA"))
        for row in rows:
            assert float(row["probability"]) == found[row["code"]]
            assert float(row["q95"]) == intervals[row["code"]]["q95"]
            assert row["year"] == "2035"
        assert client.get("/scenarios.csv?year=1800").status_code == 400


class TestMap:
    def test_a_field_stands_under_and_beside_its_outcomes(self, baseline):
        futures = Futures.of(run=baseline)
        found = futures.in_year(2050)
        grid = scenario_map(futures, found, {each.code for each in found})
        codes = [[place.future.code for place in row.places] for row in grid.rows]
        assert codes[0][:3] == ["AAAAAA", "AAAAAB", "AAAABA"]
        assert codes[7][7] == "BBBBBB"
        assert [len(row.headings) for row in grid.rows] == [3, 1, 2, 1, 3, 1, 2, 1]
        assert [heading.outcome for heading in grid.across[0][1]] == [
            "effective control",
            "significant risks materialise",
        ]
        assert [sum(heading.span for heading in headings) for _, headings in grid.across] == [8, 8, 8]

    def test_lines_enclose_each_cluster(self, baseline):
        futures = Futures.of(run=baseline)
        grid = scenario_map(futures, futures.in_year(2050), set())
        lines = {place.future.code: len(place.border) for row in grid.rows for place in row.places}
        assert lines["AAAABA"] == 2  # the upper left field of A**AB*
        assert lines["ABBABB"] == 2  # its lower right one
        assert lines["AABABA"] == 1
        assert lines["BABAAB"] == 0

    def test_shades_are_the_same_in_all_years(self, baseline):
        futures = Futures.of(run=baseline)
        highest = max(max(numbers(year)[0].values()) for year in futures.years)
        year = next(year for year in futures.years if max(numbers(year)[0].values()) == highest)
        for chosen, top in ((year, True), (2050, highest == max(numbers()[0].values()))):
            grid = scenario_map(futures, futures.in_year(chosen), set())
            shades = [float(place.shade) for row in grid.rows for place in row.places]
            assert (max(shades) == 1) is top

    def test_a_run_on_two_hypotheses_has_a_map_of_four(self, read):
        _, result = computed(hypotheses=("H2", "H6"))
        document = computed(hypotheses=("H2", "H6"))[0].to_json()
        run = AnalysisRunFactory(succeeded=True, is_shared=True, model_document=document, result=result)
        status, text = read(f"/scenarios?run={run.pk}")
        assert status == 200
        assert len(re.findall(r'id="map-[AB]{2}"', text)) == 4
        assert f"These are the numbers of <b>{run.name}</b>" in text
        assert read(f"/scenarios/AB?run={run.pk}")[0] == 200


class TestScenario:
    def test_neighbours_differ_in_one_outcome(self, baseline):
        profile = scenario_profile(futures=Futures.of(run=baseline), code=CODE, year=2050)
        found, _ = numbers()
        assert [each.future.code for each in profile.neighbours] == [
            "BBBABB", "AABABB", "ABAABB", "ABBBBB", "ABBAAB", "ABBABA",
        ]  # fmt: skip
        for each in profile.neighbours:
            assert each.difference == pytest.approx(found[each.future.code] - found[CODE])

    def test_the_pathway_is_in_order_and_ends_where_the_run_does(self, baseline):
        profile = scenario_profile(futures=Futures.of(run=baseline), code=CODE, year=2050)
        years = [step.year for step in profile.moving]
        assert years == sorted(years)
        assert len(profile.steps) == 6
        last = computed()[1]["temporal_evolution"][-1]["hypotheses"]
        narrow = next(step for step in profile.steps if step.outcome == "AI stays narrow")
        assert narrow.after.mean == pytest.approx(1 - last["H2"]["mean"])
        assert not narrow.rises
        before = next(each for each in computed()[1]["temporal_evolution"] if each["year"] == narrow.year - 1)
        half = (narrow.before.mean + narrow.after.mean) / 2
        assert 1 - before["hypotheses"]["H2"]["mean"] > half

    def test_influences_are_those_between_its_outcomes(self, baseline):
        profile = scenario_profile(futures=Futures.of(run=baseline), code=CODE, year=2050)
        acting = {link.key for link, _ in profile.pulls}
        assert {"H1A>H5B", "H2B>H4A", "H5B>H6B", "H4A>H6A"} <= acting
        assert not acting & {"H1B>H2B", "H2A>H4B", "H5A>H6A"}
        assert "H4A>H6A" in {link.key for link in profile.opposing}
        assert "H5B>H6B" in {link.key for link in profile.supporting}

    def test_the_page_says_what_it_is(self, read, baseline):
        status, text = read(f"/scenarios/{CODE}")
        scenario = Scenario.objects.get(code=CODE)
        found, _ = numbers()
        assert status == 200
        assert f"<h1>{scenario.title}: {percent(found[CODE])} in 2050</h1>" in text
        assert scenario.narrative in text
        first, second = sorted(found, key=lambda code: -found[code])[:2]
        assert "It is the likeliest of 64 scenarios." in read(f"/scenarios/{first}")[1]
        assert "It is number 2 of 64 scenarios." in read(f"/scenarios/{second}")[1]

    @pytest.mark.parametrize("path", ["/scenarios/ABCABC", "/scenarios/AB", f"/scenarios/{CODE}?year=1999"])
    def test_what_there_is_not(self, read, baseline, path):
        assert read(path)[0] == 404

    def test_viewers_are_not_told_of_evidence(self, read, baseline):
        assert "Which evidence carries it" not in read(f"/scenarios/{CODE}")[1]
        assert read(f"/scenarios/{CODE}/evidence")[0] == 403

    def test_evidence_is_shown_once_a_worker_has_answered(self, read, baseline):
        path = f"/scenarios/{CODE}/evidence"
        first = read(path, "analyst")
        assert "This takes some seconds" in first[1]
        assert "every 2s" in first[1]
        items = [
            {"id": f"H1-00{place}", "title": f"Finding {place}", "output": {"change": change, "half_width": 0.0001}}
            for place, change in enumerate((0.001, -0.02))
        ]
        question = Question(INFLUENCE, (str(baseline.pk), f"scenario:{CODE}@2050"))
        answer_keep(question=question, document={"items": items})
        _, text = read(path, "analyst")
        assert text.index("Finding 1") < text.index("Finding 0")
        assert "+2.0\u202fpoints" in text
        assert "every 2s" not in text
        cache.clear()


class TestWhoMayRead:
    def test_strangers_sign_in_first(self, client):
        for path in ("/scenarios", f"/scenarios/{CODE}", "/network"):
            assert client.get(path).url.startswith(reverse("login"))

    @pytest.mark.parametrize("path", ["/scenarios", f"/scenarios/{CODE}", "/network"])
    def test_without_a_baseline_the_page_says_how_to_get_one(self, read, path):
        _, text = read(path)
        assert "No baseline has been published yet" in text
        assert "Your runs" not in text

    def test_another_users_private_run_is_not_there(self, read, baseline):
        private = finished_run(owner=UserFactory(role="analyst"))
        for path in ("/scenarios", "/scenarios.csv", f"/scenarios/{CODE}", "/network"):
            assert read(f"{path}?run={private.pk}")[0] == 404
            assert read(f"{path}?run={private.pk}", "admin")[0] == 200
        assert read("/scenarios?run=nonsense")[0] == 404

    def test_pages_take_few_queries(self, client, baseline, django_assert_max_num_queries):
        cached = finished_run(result=None, cached_from=baseline, is_shared=True)
        client.force_login(UserFactory(role="viewer"))
        for path in ("/scenarios", f"/scenarios/{CODE}", "/network"):
            with django_assert_max_num_queries(15):
                assert client.get(f"{path}?run={cached.pk}").status_code == 200
