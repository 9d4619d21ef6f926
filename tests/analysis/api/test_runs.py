"""Runs: who sees which, what they may read of them, files, cancelling and sharing."""

import csv
import io
import json
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from analysis.choices import RunStatus
from analysis.engine.result_file import parse_result
from analysis.models import AnalysisRun
from analysis.services.publication import run_publish
from tests.analysis.api.support import computed, finished_run
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def owner(api):
    return api("analyst")


@pytest.fixture
def private(owner):
    """A finished run that only its owner and admins know of."""
    return finished_run(owner=owner.user, name="Mine alone")


def test_a_private_run_is_not_there_for_others(api, owner, private):
    reads = [f"/analysis/{private.pk}{part}" for part in ("", "/result", "/model", "/export?format=csv")]
    reads.append(f"/scenarios?run={private.pk}")
    writes = [f"/analysis/{private.pk}/{verb}" for verb in ("cancel", "rerun", "share", "unshare")]
    for stranger in (api("analyst"), api("curator")):
        assert {stranger.get(path).status_code for path in reads} == {404}
        assert {stranger.post(path).status_code for path in writes} == {404}
        assert stranger.get("/analysis").json()["total_count"] == 0
    for known in (owner, api("admin")):
        assert {known.get(path).status_code for path in reads} == {200}
        assert known.get("/analysis").json()["total_count"] == 1


def test_viewers_read_results_without_evidence_and_models(api, owner, private):
    private.is_shared = True
    private.save()
    viewer, path = api("viewer"), f"/analysis/{private.pk}"
    full, short = owner.get(f"{path}/result").json(), viewer.get(f"{path}/result").json()
    assert full.keys() - short.keys() == {"evidence_summary"}
    assert {key: value for key, value in full.items() if key not in {"id", "run_id", "cached"}} == computed()[1]
    assert viewer.get(f"{path}/model").status_code == 403
    exported = json.loads(viewer.get(f"{path}/export?format=json").content)
    assert not {"evidence_summary", "model_document"} & exported.keys()
    assert owner.get(f"{path}/model").json() == computed()[0].to_json()
    etags = {client.get(f"{path}/result")["ETag"] for client in (owner, viewer)}
    assert len(etags) == 2


def test_a_result_is_sent_once(owner, private):
    path = f"/analysis/{private.pk}/result"
    etag = owner.get(path)["ETag"]
    assert owner.get(path, If_None_Match=etag).status_code == 304


@pytest.mark.parametrize("trait", ["running", "failed"])
def test_there_is_no_result_before_the_end(owner, trait):
    run = AnalysisRunFactory(owner=owner.user, **{trait: True})
    for part in ("result", "export?format=json"):
        answer = owner.get(f"/analysis/{run.pk}/{part}")
        assert answer.status_code == 409
        assert trait in answer.json()["detail"]


def test_a_list_tells_how_far_runs_are(owner):
    run = AnalysisRunFactory(
        owner=owner.user, running=True, iterations_completed=512, iterations_total=4096, rate=512.0
    )
    found = owner.get("/analysis").json()["runs"][0]
    assert found["id"] == str(run.pk)
    assert (found["status"], found["iterations_completed"], found["eta_seconds"]) == ("running", 512, 7.0)
    assert (found["owner"], found["cached"], found["is_shared"]) == (owner.user.username, False, False)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"queued", "failed", "shared", "baseline"}),
        ("status=failed", {"failed"}),
        ("status=failed&status=queued", {"failed", "queued"}),
        ("mine=true", {"queued", "failed"}),
        ("mine=false", {"shared", "baseline"}),
        ("shared=true", {"shared"}),
        ("published=true", {"baseline"}),
        ("published=false", {"queued", "failed", "shared"}),
        ("q=ASE", {"baseline"}),
        ("created_after=2100-01-01T00:00:00Z", set()),
        (f"input_hash={'0' * 64}", {"queued", "failed", "shared", "baseline"}),
    ],
)
def test_lists_are_narrowed(owner, query, names):
    AnalysisRunFactory(name="queued", owner=owner.user)
    AnalysisRunFactory(name="failed", owner=owner.user, failed=True)
    AnalysisRunFactory(name="shared", is_shared=True, succeeded=True)
    AnalysisRunFactory(name="baseline", published=True)
    AnalysisRunFactory(name="a stranger's")
    answer = owner.get(f"/analysis?{query}").json()
    assert {run["name"] for run in answer["runs"]} == names
    assert answer["total_count"] == len(names)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("shared=yes", "shared"),
        ("mine=null", "mine"),
        ("status=done", "status"),
        ("created_after=soon", "created_after"),
        ("created_after=9999-12-31T23:59:59-14:00", "created_after"),
        ("created_before=0001-01-01T00:00:00%2B14:00", "created_before"),
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
    ],
)
def test_lists_refuse_by_name(owner, query, path):
    answer = owner.get(f"/analysis?{query}")
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [path]


def test_pages_go_on_where_the_last_one_ended(owner):
    runs = AnalysisRunFactory.create_batch(5, owner=owner.user)
    AnalysisRun.objects.update(created_at=timezone.now() - timedelta(days=1))  # ties
    page = owner.get("/analysis?limit=2").json()
    seen = [run["id"] for run in page["runs"]]
    while page["next"]:
        page = owner.get(page["next"].partition("/api/v1")[2]).json()
        seen += [run["id"] for run in page["runs"]]
    assert sorted(seen) == sorted(str(run.pk) for run in runs)


def test_csv_has_a_row_for_each_thing_and_year_with_the_configured_digits(owner, private):
    answer = owner.get(f"/analysis/{private.pk}/export?format=csv")
    assert answer["Content-Disposition"] == f'attachment; filename="aifutures-{private.short_id}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    result = computed()[1]
    assert len(rows) == 26 * (64 + 6 + 3 + 1)
    found = next(row for row in rows if (row["year"], row["kind"], row["name"]) == ("2050", "scenario", "ABBABB"))
    interval = result["scenario_intervals"]["ABBABB"]
    assert found["mean"] == f"{result['scenario_probabilities']['ABBABB']:.4f}"
    assert [found[name] for name in ("q05", "q95", "sd")] == [f"{interval[name]:.4f}" for name in ("q05", "q95", "sd")]
    assert 0 < interval["mcse"] < 0.01
    assert float(found["mcse"]) == pytest.approx(interval["mcse"], rel=1e-3)
    entropy = [float(row["mean"]) for row in rows if row["kind"] == "entropy"]
    assert entropy == pytest.approx([each["entropy_bits"] for each in result["temporal_evolution"]], abs=1e-4)


def test_parquet_has_full_numbers_and_says_what_they_come_from(owner, private):
    answer = owner.get(f"/analysis/{private.pk}/export?format=parquet")
    table = pq.read_table(io.BytesIO(answer.content))
    result = computed()[1]
    facts = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    metadata = result["metadata"]
    assert facts["aifutures.input_hash"] == metadata["input_hash"]
    assert (facts["aifutures.engine_version"], facts["aifutures.seed"]) == (metadata["engine_version"], "42")
    rows = table.to_pylist()
    means = {row["name"]: row["mean"] for row in rows if (row["year"], row["kind"]) == (2050, "scenario")}
    assert means == result["scenario_probabilities"]
    assert table.column("mean").null_count == 0


def test_json_can_be_computed_again_from_itself(owner, private):
    answer = owner.get(f"/analysis/{private.pk}/export?format=json")
    found = parse_result(answer.content)
    assert (found.document, found.result) == computed()


@pytest.mark.parametrize("query", ["", "format=xlsx", "format=csv&rows=1"])
def test_refuses_other_files(owner, private, query):
    assert owner.get(f"/analysis/{private.pk}/export?{query}").status_code == 400


@pytest.mark.parametrize("formula", ["=SUM(A1)", "\t=SUM(A1)", "'=SUM(A1)"])
def test_names_from_the_data_are_no_formulas_in_csv(owner, formula):
    document, result = computed()
    text = json.dumps(result).replace("Adaptive Integration", json.dumps(formula)[1:-1])
    run = AnalysisRunFactory(
        owner=owner.user, succeeded=True, model_document=document.to_json(), result=json.loads(text)
    )
    exported = owner.get(f"/analysis/{run.pk}/export?format=csv").content.decode()
    assert f",'{formula}," in exported
    assert f",{formula}" not in exported


def test_owners_and_admins_cancel_others_do_not(api, owner):
    run = AnalysisRunFactory(owner=owner.user, is_shared=True)
    path = f"/analysis/{run.pk}/cancel"
    assert api("analyst").post(path).status_code == 403
    assert api("viewer").post(path).status_code == 403
    assert owner.post(path).json()["status"] == RunStatus.CANCELLED
    assert owner.post(path).status_code == 200
    other = AnalysisRunFactory(owner=owner.user)
    assert api("admin").post(f"/analysis/{other.pk}/cancel").json()["status"] == RunStatus.CANCELLED


def test_sharing_opens_a_run_and_unsharing_closes_it(api, owner, private):
    stranger, path = api("viewer"), f"/analysis/{private.pk}"
    assert owner.post(f"{path}/share").json()["is_shared"] is True
    assert stranger.get(f"{path}/result").status_code == 200
    assert api("analyst").post(f"{path}/unshare").status_code == 403
    assert owner.post(f"{path}/unshare").json()["is_shared"] is False
    assert stranger.get(f"{path}/result").status_code == 404
    assert [entry.action for entry in AuditEntry.objects.filter(object_id=str(private.pk)).order_by("id")] == [
        "analysisrun.share",
        "analysisrun.unshare",
    ]


def test_an_api_key_without_the_right_reads_no_evidence(api, private, owner):
    from accounts.keys import key_create

    _, text = key_create(user=owner.user, name="reader", scopes=["read:results"])
    headers = {"Authorization": f"Api-Key {text}"}
    nobody = api(None)
    found = nobody("get", f"/analysis/{private.pk}/result", **headers).json()
    assert "evidence_summary" not in found
    assert nobody("get", f"/analysis/{private.pk}/model", **headers).status_code == 403
    assert nobody("post", f"/analysis/{private.pk}/rerun", **headers).status_code == 403


def test_users_without_a_role_see_nothing(api, baseline):
    assert api(UserFactory()).get("/analysis").status_code == 403


def test_the_trail_has_who_cancelled_exported_and_published_what(api, owner, private):
    admin, run = api("admin"), AnalysisRunFactory(owner=owner.user)
    for _ in range(2):
        assert admin.post(f"/analysis/{run.pk}/cancel").json()["status"] == "cancelled"
    etag = owner.get(f"/analysis/{private.pk}/export?format=csv")["ETag"]
    assert owner.get(f"/analysis/{private.pk}/export?format=csv", If_None_Match=etag).status_code == 304
    run_publish(run=private, actor=admin.user, note="newer sources")
    entries = AuditEntry.objects.filter(object_type="analysis.analysisrun").order_by("id")
    trail = entries.values_list("actor_name", "action", "object_id", "reason")
    assert list(trail) == [
        (admin.user.username, "analysisrun.cancel", str(run.pk), ""),
        (owner.user.username, "analysisrun.export", str(private.pk), ""),
        (admin.user.username, "analysisrun.publish", str(private.pk), "newer sources"),
    ]
