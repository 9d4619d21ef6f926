"""Evidence, sources and questions over HTTP."""

import csv
import io
import json
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

from accounts.models import AuditEntry
from accounts.tokens import AccessToken
from evidence.models import Evidence, Hypothesis, Source
from evidence.services.items import evidence_edit
from evidence.services.reviews import evidence_submit
from evidence.services.sources import source_edit
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db

ROOT = "/api/v1"
ITEM = {
    "hypothesis": "H1",
    "direction": "A",
    "strength": 0.4,
    "quality_scores": {"authority": 0.8, "methodology": 0.7, "recency": 0.5, "replication": 0.5},
    "source": {
        "title": "A study",
        "source_type": "academic_paper",
        "publication_date": "2025-05-01",
        "identifier": "10.1000/1",
    },
    "description": "What was found.",
    "reason": "Found it.",
}


@pytest.fixture
def ask(client):
    """Asks as a user: `ask("get", "/evidence", user)`."""

    def asking(method, path, user, body=None, **headers):
        token = {"Authorization": f"Bearer {AccessToken.for_user(user)}"}
        sent = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.generic(method.upper(), ROOT + path, headers={**token, **named}, **sent)

    return asking


@pytest.fixture
def analyst():
    return UserFactory(role="analyst")


@pytest.fixture
def curator():
    return UserFactory(role="curator", username="curie")


@pytest.fixture
def admin():
    return UserFactory(role="admin")


def faults(response):
    assert response["Content-Type"] == "application/problem+json", response.text
    return {fault["path"]: fault["message"] for fault in response.json()["errors"]}


class TestList:
    def test_a_page_has_the_total_the_filters_and_the_next_one(self, ask, analyst):
        for number in range(5):
            EvidenceFactory(public_id=f"H1-00{number}", quality=number / 10)
        EvidenceFactory(hypothesis=Hypothesis.objects.get(code="H2"))
        found, path = [], "/evidence?hypothesis=H1&min_quality=0.1&ordering=-quality&limit=3"
        while path:
            page = ask("get", path, analyst).json()
            assert (page["total_count"], page["filters_applied"]) == (4, {"hypothesis": "H1", "min_quality": 0.1})
            found += [item["id"] for item in page["evidence"]]
            path = page["next"] and page["next"].partition("/api/v1")[2]
        assert found == ["H1-004", "H1-003", "H1-002", "H1-001"]

    def test_every_order_pages_through_all_items_once(self, ask, curator):
        for number in range(7):
            EvidenceFactory(status=["draft", "approved"][number % 2], strength=(number % 3) / 3)
        for name in (
            "id",
            "title",
            "hypothesis",
            "direction",
            "strength",
            "quality",
            "weight",
            "status",
            "published",
            "created",
            "updated",
        ):
            for order in (name, f"-{name},id" if name != "id" else "-id"):
                page = ask("get", f"/evidence?ordering={order}&limit=3", curator).json()
                found = [item["id"] for item in page["evidence"]]
                while page["next"]:
                    cursor = parse_qs(urlsplit(page["next"]).query)["cursor"][0]
                    page = ask("get", f"/evidence?ordering={order}&limit=3&cursor={cursor}", curator).json()
                    found += [item["id"] for item in page["evidence"]]
                assert sorted(found) == sorted(Evidence.objects.values_list("public_id", flat=True)), order

    @pytest.mark.parametrize(
        ("query", "path"),
        [
            ("min_quality=high", "min_quality"),
            ("min_quality=2", "min_quality"),
            ("min_quality=nan", "min_quality"),
            ("direction=C", "direction"),
            ("status=lost", "status"),
            ("source_type=blog", "source_type"),
            ("published_after=2024-02-30", "published_after"),
            ("ordering=colour", "ordering"),
            ("ordering=id,-id", "ordering"),
            ("limit=0", "limit"),
            ("cursor=x", "cursor"),
            ("colour=red", "colour"),
            ("direction=A&direction=B", "direction"),
        ],
    )
    def test_a_bad_parameter_is_named(self, ask, analyst, query, path):
        response = ask("get", f"/evidence?{query}", analyst)
        assert response.status_code == 400
        assert path in faults(response)

    def test_analysts_see_what_counts_and_curators_the_open_revision_too(self, ask, analyst, curator):
        item = EvidenceFactory(public_id="H1-001")
        EvidenceFactory(status="draft")
        evidence_edit(evidence=item, actor=curator, changes={"strength": 0.9}, reason="New data.")
        (seen,) = ask("get", "/evidence", analyst).json()["evidence"]
        assert (seen["id"], seen["strength"], seen["revision"]) == ("H1-001", 0.5, None)
        all_of_them = ask("get", "/evidence?q=H1-001", curator).json()
        revision = all_of_them["evidence"][0]["revision"]
        assert (revision["strength"], revision["reason"], revision["created_by"]) == (0.9, "New data.", "curie")
        assert ask("get", "/evidence", curator).json()["total_count"] == 2

    def test_reading_is_counted_for_analysts(self, ask, analyst, curator):
        assert ask("get", "/evidence", analyst)["RateLimit-Remaining"] == "99"
        assert ask("get", "/evidence/export", analyst)["RateLimit-Remaining"] == "98"
        assert "RateLimit-Limit" not in ask("get", "/evidence", curator)


class TestWriting:
    def test_an_item_with_a_new_source(self, ask, curator):
        response = ask("post", "/evidence", curator, ITEM)
        assert response.status_code == 201, response.text
        item = response.json()
        assert (item["id"], item["status"], item["version"], item["created_by"]) == ("H1-001", "draft", 1, "curie")
        assert item["source"]["key"] == "10.1000/1"
        assert item["quality"] == pytest.approx(0.3 * 0.8 + 0.3 * 0.7 + 0.2 * 0.5 + 0.2 * 0.5)
        assert ask("get", "/evidence/H1-001", curator).json() == item

    @pytest.mark.parametrize("name", ["10.1000/1", "https://doi.org/10.1000/1", "doi:10.1000/1"])
    def test_an_item_of_a_stored_source_by_any_of_its_names(self, ask, curator, name):
        source = SourceFactory(key="10.1000/1", identifier="10.1000/1")
        response = ask("post", "/evidence", curator, {**ITEM, "source": name, "id": "H1-x"})
        assert response.status_code == 201, response.text
        assert Evidence.objects.get(public_id="H1-x").source == source

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"strength": 1.1}, "strength"),
            ({"strength": "high"}, "strength"),
            ({"strength": None}, "strength"),
            ({"strength": True}, "strength"),
            ({"strength": "0.3"}, "strength"),
            ({"description": 5}, "description"),
            ({"reason": False}, "reason"),
            ({"id": 5}, "id"),
            ({"quality_scores": {**ITEM["quality_scores"], "authority": "1"}}, "quality_scores.authority"),
            ({"source": {**ITEM["source"], "title": 5}}, "source.title"),
            ({"quality_scores": {**ITEM["quality_scores"], "authority": -1}}, "quality_scores.authority"),
            ({"quality_scores": {"authority": 1}}, "quality_scores.methodology"),
            ({"quality_scores": {**ITEM["quality_scores"], "beauty": 1}}, "quality_scores.beauty"),
            ({"quality_scores": 1}, "quality_scores"),
            ({"hypothesis": "H9"}, "hypothesis"),
            ({"hypothesis": 1}, "hypothesis"),
            ({"direction": "C"}, "direction"),
            ({"source": "nowhere"}, "source"),
            ({"source": 1}, "source"),
            ({"source": "http://[::1"}, "source"),
            ({"source": {**ITEM["source"], "url": "http://[::1"}}, "source.url"),
            ({"source": {**ITEM["source"], "publication_date": "2025-13-01"}}, "source.publication_date"),
            ({"source": {**ITEM["source"], "publication_date": "2999-01-01"}}, "source.publication_date"),
            ({"source": {**ITEM["source"], "colour": "red"}}, "source.colour"),
            ({"source": {**ITEM["source"], "identifier": ""}}, "source"),
            ({"description": ""}, "description"),
            ({"description": "x" * 20_001}, "description"),
            ({"id": "a b"}, "id"),
            ({"id": "import"}, "id"),
            ({"status": "approved"}, "status"),
            ({"quality": 1}, "quality"),
        ],
    )
    def test_a_bad_body_is_named_by_its_path_and_stores_nothing(self, ask, curator, change, path):
        response = ask("post", "/evidence", curator, {**ITEM, **change})
        assert response.status_code == 400
        assert path in faults(response), faults(response)
        assert not Evidence.objects.exists()
        assert not Source.objects.exists()

    def test_what_is_wrong_with_the_item_stores_no_source_either(self, ask, curator):
        EvidenceFactory(public_id="H1-001", source=SourceFactory())
        response = ask("post", "/evidence", curator, {**ITEM, "id": "H1-001"})
        assert faults(response).keys() == {"id"}
        assert Source.objects.count() == 1

    def test_a_publication_that_is_stored_already_is_told(self, ask, curator):
        SourceFactory(key="10.1000/1", identifier="doi:10.1000/1")
        response = ask("post", "/evidence", curator, ITEM)
        assert "already among the sources: 10.1000/1" in faults(response)["source"]

    def test_a_change_needs_the_version_that_was_read_and_a_reason(self, ask, curator):
        EvidenceFactory(public_id="H1-001", status="draft")
        etag = ask("get", "/evidence/H1-001", curator)["ETag"]
        change = {"quality_scores": {"authority": 0.1}, "reason": "Looked closer."}
        assert ask("patch", "/evidence/H1-001", curator, change).status_code == 428
        assert ask("patch", "/evidence/H1-001", curator, change, If_Match='"other"').status_code == 412
        response = ask("patch", "/evidence/H1-001", curator, {"strength": 0.1}, If_Match=etag)
        assert (response.status_code, faults(response)) == (400, {"reason": "Say why."})
        response = ask("patch", "/evidence/H1-001", curator, change, If_Match=etag)
        assert response.status_code == 200
        scores = response.json()["quality_scores"]
        assert (scores["authority"], scores["methodology"], response.json()["version"]) == (0.1, 0.7, 2)
        assert response["ETag"] == ask("get", "/evidence/H1-001", curator)["ETag"] != etag
        assert ask("patch", "/evidence/H1-001", curator, change, If_Match=etag).status_code == 412

    def test_what_was_read_is_not_sent_again(self, ask, analyst, curator):
        EvidenceFactory(public_id="H1-001")
        etag = ask("get", "/evidence/H1-001", analyst)["ETag"]
        assert ask("get", "/evidence/H1-001", analyst, If_None_Match=etag).status_code == 304
        assert ask("get", "/evidence/H1-001", curator, If_None_Match=etag).status_code == 200
        page = ask("get", "/evidence", analyst)["ETag"]
        assert ask("get", "/evidence", analyst, If_None_Match=page).status_code == 304

    def test_an_admin_deletes_what_never_counted(self, ask, admin):
        for name, status in (("never", "draft"), ("counts", "approved")):
            EvidenceFactory(public_id=name, status=status)
        assert ask("delete", "/evidence/never", admin).status_code == 428
        assert ask("delete", "/evidence/never?reason=Twice", admin, If_Match="*").status_code == 204
        response = ask("delete", "/evidence/counts", admin, If_Match="*")
        assert (response.status_code, "retire it instead" in response.json()["detail"]) == (409, True)
        assert AuditEntry.objects.get(action="evidence.delete").reason == "Twice"


class TestReview:
    def test_from_a_draft_to_what_counts_and_a_revision(self, ask, curator, admin, analyst):
        assert ask("post", "/evidence", curator, {**ITEM, "id": "H1-001"}).status_code == 201
        assert ask("get", "/evidence/H1-001", analyst).status_code == 404
        assert ask("post", "/evidence/H1-001/approve", admin, {}, If_Match="*").status_code == 409
        assert ask("post", "/evidence/H1-001/submit", curator, {}).json()["status"] == "submitted"
        refused = ask("post", "/evidence/H1-001/approve", curator, {}, If_Match="*")
        assert (refused.status_code, "neither wrote nor edited" in refused.json()["detail"]) == (403, True)
        assert (
            ask("post", "/evidence/H1-001/approve", admin, {"reason": "Sound."}, If_Match="*").json()["status"]
            == "approved"
        )
        change = {"strength": 0.9, "reason": "New data."}
        changed = ask("patch", "/evidence/H1-001", curator, change, If_Match="*").json()
        assert (changed["strength"], changed["revision"]["strength"], changed["status"]) == (0.4, 0.9, "approved")
        ask("post", "/evidence/H1-001/submit", curator, {})
        assert faults(ask("post", "/evidence/H1-001/reject", admin, {}, If_Match="*")) == {
            "reason": "This field is required."
        }
        rejected = ask("post", "/evidence/H1-001/reject", admin, {"reason": "Not shown."}, If_Match="*").json()
        assert (rejected["status"], rejected["revision"]) == ("approved", None)
        retired = ask("post", "/evidence/H1-001/retire", admin, {"reason": "Superseded."}, If_Match="*").json()
        assert (retired["status"], retired["review_reason"]) == ("retired", "Superseded.")

    @pytest.mark.parametrize(
        ("decision", "status"), [("approve", "submitted"), ("reject", "submitted"), ("retire", "approved")]
    )
    def test_a_decision_is_on_the_version_that_was_read(self, ask, admin, decision, status):
        item = EvidenceFactory(public_id="H1-001", status=status)
        seen, body = ask("get", "/evidence/H1-001", admin)["ETag"], {"reason": "Why."}
        assert ask("post", f"/evidence/H1-001/{decision}", admin, body).status_code == 428
        source_edit(source=item.source, actor=UserFactory(role="curator"), changes={"title": "Other"})
        assert ask("post", f"/evidence/H1-001/{decision}", admin, body, If_Match=seen).status_code == 412
        assert Evidence.objects.get().status == status
        now = ask("get", "/evidence/H1-001", admin)["ETag"]
        assert ask("post", f"/evidence/H1-001/{decision}", admin, body, If_Match=now).status_code == 200

    def test_a_step_heeds_the_version_where_one_is_sent(self, ask, curator, admin):
        item = EvidenceFactory(public_id="H1-001")
        item = evidence_edit(evidence=item, actor=curator, changes={"strength": 0.9}, reason="New data.")
        evidence_submit(evidence=item, actor=curator)
        seen = ask("get", "/evidence/H1-001", admin)["ETag"]
        evidence_edit(evidence=item, actor=curator, changes={"strength": 1.0}, reason="More still.")
        evidence_submit(evidence=item, actor=curator)
        assert ask("post", "/evidence/H1-001/approve", admin, {}, If_Match=seen).status_code == 412
        now = ask("get", "/evidence/H1-001", admin)["ETag"]
        assert ask("post", "/evidence/H1-001/approve", admin, {}, If_Match=now).json()["strength"] == 1.0

    def test_the_history_tells_who_what_and_why(self, ask, curator, analyst):
        item = EvidenceFactory(public_id="H1-001")
        evidence_edit(evidence=item, actor=curator, changes={"strength": 0.9}, reason="New data.")
        newest, first = ask("get", "/evidence/H1-001/history", curator).json()["history"]
        assert (newest["by"], newest["reason"], newest["of"]) == ("curie", "New data.", "revision")
        assert (first["event"], first["of"]) == ("created", "item")
        assert len(ask("get", "/evidence/H1-001/history", analyst).json()["history"]) == 1


class TestTables:
    def send(self, client, user, content, media_type, query=""):
        token = {"Authorization": f"Bearer {AccessToken.for_user(user)}"}
        path = f"{ROOT}/evidence/import{query}"
        return client.post(path, data=content, content_type=media_type, headers=token)

    def test_out_and_in_again_changes_nothing(self, client, ask, curator):
        EvidenceFactory.create_batch(3, description="=1+1")
        for kind, media_type in (("csv", "text/csv"), ("json", "application/json")):
            given = ask("get", f"/evidence/export?format={kind}", curator, Accept="*/*")
            assert given["Content-Type"] == media_type
            answer = self.send(client, curator, given.content, media_type).json()
            assert (answer["written"], answer["counts"]) == (True, {"unchanged": 3})

    def test_exports_are_filtered_seen_by_role_and_audited(self, ask, analyst):
        EvidenceFactory(public_id="a", direction="A")
        EvidenceFactory(public_id="b", direction="B")
        EvidenceFactory(status="draft")
        rows = list(csv.DictReader(io.StringIO(ask("get", "/evidence/export", analyst).text)))
        assert [row["id"] for row in rows] == ["a", "b"]
        table = pq.read_table(io.BytesIO(ask("get", "/evidence/export?format=parquet&direction=B", analyst).content))
        assert table["id"].to_pylist() == ["b"]
        assert AuditEntry.objects.filter(action="evidence.export", actor=analyst).count() == 2
        assert "format" in faults(ask("get", "/evidence/export?format=xml", analyst))
        etag = ask("get", "/evidence/export", analyst)["ETag"]
        assert ask("get", "/evidence/export", analyst, If_None_Match=etag).status_code == 304

    def test_a_wrong_row_names_its_path_and_nothing_is_written(self, client, curator):
        EvidenceFactory(public_id="H1-001", status="draft")
        content = b"id,strength,description\nH1-001,0.5,Found again.\nH1-002,high,New\n"
        response = self.send(client, curator, content, "text/csv")
        assert response.status_code == 400
        assert faults(response) == {"rows[1].strength": "Row 2: must be a number, not 'high'"}
        assert Evidence.objects.get().description == "What was found."
        answer = self.send(client, curator, content, "text/csv", "?partial=true").json()
        assert [row["outcome"] for row in answer["rows"]] == ["updated", "refused"]
        assert answer["rows"][1]["errors"] == [{"column": "strength", "message": "must be a number, not 'high'"}]

    def test_a_dry_run_answers_row_by_row(self, client, curator):
        answer = self.send(client, curator, b"id,strength\nH1-002,high\n", "text/csv", "?dry_run=true")
        assert (answer.status_code, answer.json()["written"]) == (200, False)
        assert answer.json()["counts"] == {"refused": 1}

    @pytest.mark.parametrize(
        ("content", "media_type", "status"),
        [
            (b"", "text/csv", 400),
            (b"id\n", "text/csv", 400),
            (b"\xff\xfe", "text/csv", 400),
            (b"{", "application/json", 400),
            (b"[1]", "application/json", 400),
            (b"<a/>", "application/xml", 415),
            (b"x" * 20_000_001, "text/csv", 413),
        ],
        ids=["empty", "no rows", "no text", "broken", "no rows of JSON", "XML", "too big"],
    )
    def test_a_file_that_is_no_table_is_refused(self, client, curator, content, media_type, status):
        assert self.send(client, curator, content, media_type).status_code == status


def test_values_of_another_json_type_change_nothing(ask, admin):
    EvidenceFactory(public_id="H1-001", status="submitted")
    for path, body in (
        ("/evidence/H1-001", {"strength": True, "reason": "Why."}),
        ("/hypotheses/H1", {"label": 5}),
        ("/hypotheses/H1", {"prior_probability": "0.6", "reason": "Why."}),
        (f"/sources/{Source.objects.get().pk}", {"title": 5}),
    ):
        response = ask("patch", path, admin, body, If_Match="*")
        assert (response.status_code, list(faults(response))) == (400, [next(iter(body))])
    assert Evidence.objects.get().version == Hypothesis.objects.get(code="H1").version == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("patch", "/evidence/H1-001"),
        ("patch", "/hypotheses/H1"),
        ("post", "/evidence/H1-001/approve"),
        ("post", "/evidence/H1-001/reject"),
        ("post", "/evidence"),
        ("post", "/sources"),
    ],
)
def test_null_is_no_body(client, admin, method, path):
    EvidenceFactory(public_id="H1-001", status="submitted")
    headers = {"Authorization": f"Bearer {AccessToken.for_user(admin)}", "If-Match": "*"}
    response = client.generic(method.upper(), ROOT + path, "null", content_type="application/json", headers=headers)
    assert response.status_code == 400, response.text
    assert Evidence.objects.get().status == "submitted"


class TestSources:
    def test_list_search_and_counts(self, ask, analyst):
        source = SourceFactory(title="Scaling laws", source_type="think_tank")
        EvidenceFactory(source=source)
        EvidenceFactory(source=source, status="draft")
        SourceFactory()
        page = ask("get", "/sources?q=scaling&source_type=think_tank&ordering=-published", analyst).json()
        assert (page["total_count"], page["sources"][0]["items_count"]) == (1, 1)

    def test_analysts_see_sources_of_what_counts_only(self, ask, analyst, curator):
        draft, counts = EvidenceFactory(status="draft").source, EvidenceFactory().source
        EvidenceFactory(source=counts)
        assert [row["id"] for row in ask("get", "/sources", analyst).json()["sources"]] == [counts.pk]
        assert ask("get", f"/sources/{draft.pk}", analyst).status_code == 404
        assert ask("get", "/sources", curator).json()["total_count"] == 2

    def test_a_new_one_and_another_like_it(self, ask, curator):
        body = {**ITEM["source"], "title": "Scaling laws for language models", "reason": "Found it."}
        first = ask("post", "/sources", curator, body)
        assert (first.status_code, first.json()["similar"]) == (201, [])
        again = ask("post", "/sources", curator, {**body, "identifier": "https://doi.org/10.1000/1"})
        assert (again.status_code, "already among" in str(faults(again))) == (400, True)
        like = ask("post", "/sources", curator, {**body, "identifier": "10.1000/2"}).json()
        assert like["similar"] == ["10.1000/1"]

    def test_a_change_with_if_match(self, ask, curator, admin):
        source = EvidenceFactory().source
        path = f"/sources/{source.pk}"
        etag = ask("get", path, curator)["ETag"]
        assert ask("patch", path, curator, {"title": "Other"}).status_code == 428
        response = ask("patch", path, curator, {"title": "Other"}, If_Match=etag)
        assert (response.json()["title"], response.json()["version"]) == ("Other", 2)
        assert ask("patch", path, curator, {"title": "Another"}, If_Match=etag).status_code == 412
        date = {"publication_date": "2020-01-01", "reason": "Wrong before."}
        assert ask("patch", path, curator, date, If_Match="*").status_code == 403
        assert ask("patch", path, admin, date, If_Match="*").json()["publication_date"] == "2020-01-01"


class TestHypotheses:
    def test_everyone_with_a_role_reads_them(self, ask):
        page = ask("get", "/hypotheses", UserFactory(role="viewer")).json()
        assert [row["code"] for row in page["hypotheses"]] == ["H1", "H2", "H3", "H4", "H5", "H6"]

    def test_curators_word_them_and_admins_set_numbers_with_a_reason(self, ask, curator, admin):
        path = "/hypotheses/H1"
        assert ask("patch", path, curator, {"label": "Progress"}, If_Match="*").json()["label"] == "Progress"
        prior = {"prior_probability": 0.6, "reason": "New survey."}
        assert ask("patch", path, curator, prior, If_Match="*").status_code == 403
        assert faults(ask("patch", path, admin, {"prior_probability": 0.6}, If_Match="*")) == {"reason": "Say why."}
        for value in (0, 1, -1):
            bad = ask("patch", path, admin, {**prior, "prior_probability": value}, If_Match="*")
            assert (bad.status_code, list(faults(bad))) == (400, ["prior_probability"])
        assert ask("patch", path, admin, prior, If_Match="*").json()["prior_probability"] == 0.6
        assert ask("get", "/hypotheses/H9", admin).status_code == 404
