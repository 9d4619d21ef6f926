"""The evidence's pages: the balance of weights, the list with its filters, one finding."""

import csv
import html
import io
import json
import math
import re
from datetime import date

import django_rq
import pytest

from analysis.engine.influence import evidence_influence
from analysis.engine.posterior import posteriors
from analysis.engine.spec import parse_model
from analysis.evidence_weights import evidence_standing, evidence_weights
from analysis.models import AnalysisRun
from analysis.services.derived import INFLUENCE, Question, answer_keep
from analysis.services.model_documents import model_document_build
from evidence.choices import Direction, EvidenceStatus, SourceType
from evidence.models import Evidence, Hypothesis
from evidence.quality import quality_of, weight_of
from tests.analysis.api.support import finished_run
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db

ROW = re.compile(r'<th scope="row"><a href="/evidence/([^"]+)"')


@pytest.fixture
def read(client):
    """A page as one of a role reads it: the status and the text with its tags."""

    def as_role(path, role="analyst"):
        client.force_login(UserFactory(role=role))
        response = client.get(path)
        return response.status_code, html.unescape(response.content.decode())

    return as_role


def item(code="H1", **fields):
    """An item with the quality and weight that the services would keep."""
    source = SourceFactory(**{name: fields.pop(name) for name in ("title", "source_type", "url") if name in fields})
    source.publication_date = fields.pop("published", date(2025, 3, 1))
    source.save()
    found = EvidenceFactory.build(source=source, hypothesis=Hypothesis.objects.get(code=code), **fields)
    scores = {name: getattr(found, name) for name in ("authority", "methodology", "recency", "replication")}
    found.quality = quality_of(**scores, publication_date=source.publication_date)
    found.weight = weight_of(
        direction=found.direction, strength=found.strength, quality=found.quality, replication=found.replication
    )
    found.save()
    return found


@pytest.fixture
def items():
    """Two for A of one group, one for A alone, one for B; one about another question, and a draft."""
    made = [
        item(public_id="a1", strength=0.9, dependency_group="lab"),
        item(public_id="a2", strength=0.4, dependency_group="lab"),
        item(public_id="a3", strength=0.6),
        item(public_id="b1", direction=Direction.B, title="Limits of scaling", source_type=SourceType.THINK_TANK),
        item("H2", public_id="c1", published=date(2020, 1, 1)),
        item(public_id="d1", status=EvidenceStatus.DRAFT),
    ]
    return {each.public_id: each for each in made}


class TestBalance:
    def test_what_is_approved_and_does_not_count_is_told(self, items, read):
        text = read("/evidence")[1]
        assert "5 findings count" in text and "left out, for reasons in the list" not in text
        poor = dict.fromkeys(("authority", "methodology", "recency", "replication"), 0.05)
        item(public_id="e1", **poor)
        text = read("/evidence")[1]
        assert "5 findings count" in text and "counts; of that, 1 is left out, for reasons in the list." in text

    def test_it_adds_up_to_what_moves_the_odds(self, items):
        found = evidence_weights()
        for balance, posterior in zip(found.balances, posteriors(model_document_build()), strict=True):
            assert balance.net == pytest.approx(posterior.mu - math.log(posterior.prior / (1 - posterior.prior)))
        assert [each.items for each in found.balances][:3] == [4, 1, 0]
        assert set(found.counted) == {"a1", "a2", "a3", "b1", "c1"}

    def test_the_figure_shows_a_to_the_left_and_b_to_the_right(self, read, items):
        _, text = read("/evidence")
        figure = json.loads(re.search(r'<script type="application/json">(.*?)</script>', text)[1])
        left, right, net = figure["data"]
        first = evidence_weights().balances[0]
        assert (left["x"][0], right["x"][0]) == pytest.approx((-first.for_a, first.for_b))
        assert net["x"][0] == pytest.approx(first.for_b - first.for_a)
        assert left["customdata"][0] == "H1"

    def test_without_evidence_it_says_how_to_get_some(self, read):
        Evidence.objects.all().delete()
        status, text = read("/evidence", "curator")
        assert status == 200
        assert "There is no evidence that counts yet" in text
        assert "/admin/evidence/evidence/add/" in text
        assert "No findings yet" in text


class TestList:
    @pytest.mark.sqlite
    @pytest.mark.parametrize(
        ("query", "ids"),
        [
            ("", ["a1", "a2", "a3", "b1", "c1"]),
            ("?hypothesis=H2", ["c1"]),
            ("?direction=B", ["b1"]),
            ("?source_type=think_tank", ["b1"]),
            ("?q=limits", ["b1"]),
            ("?dependency_group=lab", ["a1", "a2"]),
            ("?published_before=2021-01-01", ["c1"]),
            ("?published_after=2021-01-01&direction=A", ["a1", "a2", "a3"]),
            ("?min_quality=0.99", []),
            ("?ordering=-weight&hypothesis=H1", ["a1", "a3", "a2", "b1"]),
            ("?ordering=published", ["c1", "a1", "a2", "a3", "b1"]),
        ],
    )
    def test_it_holds_what_is_asked_for_in_that_order(self, read, items, query, ids):
        status, text = read(f"/evidence{query}")
        assert (status, ROW.findall(text)) == (200, ids)
        assert ids or "No finding fits all of that" in text

    def test_curators_see_drafts_and_find_them_by_status(self, read, items):
        assert "d1" in ROW.findall(read("/evidence", "curator")[1])
        status, text = read("/evidence?status=draft", "curator")
        assert (status, ROW.findall(text)) == (200, ["d1"])
        assert 'name="status"' in text
        assert 'name="status"' not in read("/evidence")[1]

    @pytest.mark.parametrize(
        "query", ["min_quality=high", "direction=C", "ordering=colour", "published_after=May", "x=1"]
    )
    def test_what_cannot_be_read_is_named_and_not_used(self, read, items, query):
        status, text = read(f"/evidence?{query}&hypothesis=H2")
        assert (status, ROW.findall(text)) == (400, ["c1"])
        assert f"<li>{query.partition('=')[0]}: " in text

    def test_empty_fields_leave_the_address(self, client, items):
        client.force_login(UserFactory(role="analyst"))
        response = client.get("/evidence?q=&hypothesis=H1&direction=&min_quality=0.5&ordering=-weight")
        assert (response.status_code, response["Location"]) == (
            302,
            "/evidence?hypothesis=H1&min_quality=0.5&ordering=-weight",
        )

    def test_pages_keep_what_is_asked(self, read):
        for number in range(31):
            item(public_id=f"p{number:02}")
        _, text = read("/evidence?hypothesis=H1&ordering=id")
        assert ROW.findall(text) == [f"p{number:02}" for number in range(30)]
        assert 'href="/evidence?hypothesis=H1&ordering=id&page=2"' in text
        assert ROW.findall(read("/evidence?hypothesis=H1&ordering=id&page=2")[1]) == ["p30"]

    def test_it_can_be_taken_along(self, client, items, read):
        address = re.search(r'href="([^"]+export[^"]+)"', read("/evidence?hypothesis=H1&direction=A")[1])[1]
        rows = list(csv.DictReader(io.StringIO(client.get(address).content.decode())))
        assert [row["id"] for row in rows] == ["a1", "a2", "a3"]

    def test_a_sorted_column_sorts_the_other_way_next(self, read, items):
        _, text = read("/evidence?ordering=-quality")
        assert re.search(r'aria-sort="descending"><a class="sort" href="/evidence\?ordering=quality">', text)

    def test_it_takes_few_queries_however_many_items(self, client, django_assert_max_num_queries):
        for _ in range(20):
            item()
        client.force_login(UserFactory(role="curator"))
        with django_assert_max_num_queries(20):
            assert client.get("/evidence").status_code == 200

    def test_who_may_not_read_evidence_is_told(self, read, items):
        assert read("/evidence", "viewer")[0] == 403
        assert read("/evidence/a1", "viewer")[0] == 403


class TestItem:
    def test_the_discounts_are_those_of_the_engine(self, items):
        shares = {each: evidence_standing(item=items[each]) for each in ("a1", "a2", "a3")}
        for standing in shares.values():
            assert standing.within.factor * standing.between.factor == pytest.approx(standing.entry.shrink)
        # f_2(r) = (1 - r) / (1 + r), so that equal weights sum to Kish's 2 / (1 + r)
        assert shares["a2"].within[:3] == (2, 2, 0.5)
        assert shares["a2"].within.factor == pytest.approx(1 / 3)
        assert (shares["a1"].between.rank, shares["a3"].between.rank) == (1, 2)
        assert shares["a3"].between.factor == pytest.approx(0.9 / 1.1)

    def test_before_and_after_are_the_posteriors_without_and_with_it(self, items):
        standing = evidence_standing(item=items["b1"])
        document = model_document_build()
        without = parse_model(
            {**document.to_json(), "evidence": [each for each in document.to_json()["evidence"] if each["id"] != "b1"]}
        )
        for shown, model in ((standing.after, document), (standing.before, without)):
            assert math.log(shown.mean / (1 - shown.mean)) == pytest.approx(posteriors(model)[0].mu)
        assert standing.moves < 0

    def test_it_shows_its_numbers(self, read, items):
        status, text = read("/evidence/a2")
        standing = evidence_standing(item=items["a2"])
        assert status == 200
        assert f"= <b>{standing.quality:.2f}</b>" in text
        assert f"= <b>{standing.counts:.2f}\u202fnats</b>" in text
        assert "number 2 by weight of the 2 findings" in text

    def test_a_draft_is_for_curators_and_says_what_it_would_do(self, read, items):
        assert read("/evidence/d1")[0] == 404
        status, text = read("/evidence/d1", "curator")
        assert status == 200
        assert "It does not count yet" in text
        assert "would move" in text
        assert f"/admin/evidence/evidence/{items['d1'].pk}/change/" in text
        assert "/admin/evidence/evidence/" not in read("/evidence/a1")[1]

    def test_what_is_left_out_says_why(self, read):
        item(public_id="old", published=date(1990, 1, 1))
        _, text = read("/evidence/old")
        assert "too old to count" in text
        assert "It moves nothing" in text

    @pytest.mark.parametrize(
        ("url", "linked"),
        [("https://example.org/x", True), ("javascript:alert(1)", False), ("ftp://example.org", False)],
    )
    def test_only_web_addresses_are_links(self, read, url, linked):
        item(public_id="u", url=url)
        _, text = read("/evidence/u")
        assert (f'<a href="{url}" rel="noopener noreferrer external">' in text) == linked
        assert linked or url not in text

    def test_analysts_see_the_approved_history_only(self, read, items):
        row = items["a1"]
        row.strength, row._change_reason = 0.8, "Counted again."
        row.save()
        row.status, row._change_reason = EvidenceStatus.DRAFT, "Not for everybody."
        row.save()
        row.status, row._change_reason = EvidenceStatus.APPROVED, "Approved."
        row.save()
        _, text = read("/evidence/a1")
        assert "Counted again." in text
        assert "Not for everybody." not in text
        assert "Not for everybody." in read("/evidence/a1", "curator")[1]

    def test_it_takes_few_queries(self, client, items, django_assert_max_num_queries):
        baseline()
        client.force_login(UserFactory(role="curator"))
        with django_assert_max_num_queries(25):
            assert client.get("/evidence/a1").status_code == 200


def baseline() -> AnalysisRun:
    """A published run that counts the approved items: a result of the published study, which nothing here reads."""
    return finished_run(published=True, model_document=model_document_build().to_json())


class TestInfluence:
    @pytest.fixture
    def run(self, items):
        return baseline()

    def question(self, run):
        codes = run.result_document["scenario_probabilities"]
        return Question(INFLUENCE, (str(run.pk), f"scenario:{max(codes, key=codes.get)}@2050"))

    def test_a_worker_is_asked_once(self, read, run):
        assert 'hx-trigger="load"' in read("/evidence/a1")[1]
        queue = django_rq.get_queue("default")
        assert 'hx-trigger="every 2s"' in read("/evidence/a1/influence")[1]
        read("/evidence/a2/influence")
        assert queue.job_ids == [self.question(run).job_id]

    def test_the_answer_is_shown_with_its_sign(self, read, run):
        question = self.question(run)
        document = evidence_influence(parse_model(run.model_document), question.arguments[1], threads=1)
        answer_keep(question=question, document=document)
        entry = next(each for each in document["items"] if each["id"] == "a1")
        change = entry["hypotheses"]["H1"]["change"]
        _, text = read("/evidence/a1/influence")
        assert change < 0
        assert f"+{-100 * change:.1f}\u202fpoints" in text or f"+{-100 * change:.0f}\u202fpoints" in text
        assert f"Of the {len(document['items'])} findings" in text
        assert "hx-get" not in text

    def test_a_refusal_and_a_failure_are_told(self, read, run):
        answer_keep(question=self.question(run), refusal="it cannot be")
        assert "it cannot be" in read("/evidence/a1")[1]
        answer_keep(question=self.question(run), failed=True)
        assert "Something went wrong" in read("/evidence/a1")[1]

    def test_an_item_that_the_baseline_does_not_know_asks_nobody(self, read, run):
        item(public_id="new")
        status, text = read("/evidence/new")
        assert status == 200
        assert "was computed without it" in text
        assert "hx-get" not in text

    def test_without_a_baseline_there_is_nothing_to_ask(self, read, items):
        assert "once a baseline has been published" in read("/evidence/a1")[1]
        assert read("/evidence/a1/influence")[0] == 404
