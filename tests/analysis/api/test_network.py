"""Influences and clusters: read with the scenarios, changed by admins who say why."""

import pytest

from accounts.models import AuditEntry
from analysis.models import Influence, ScenarioCluster

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

WHY = {"reason": "Panel of 12 May"}


def test_lists_are_in_the_models_order(api):
    viewer = api("viewer")
    influences = viewer.get("/influences").json()
    assert [each["key"] for each in influences["influences"]] == [
        f"{e.source.code}{e.source_outcome}>{e.target.code}{e.target_outcome}"
        for e in Influence.objects.select_related("source", "target")
    ]
    clusters = viewer.get("/clusters").json()["clusters"]
    assert [each["name"] for each in clusters] == [row.name for row in ScenarioCluster.objects.all()]


def test_an_admin_changes_an_influence_and_says_why(api):
    admin, edge = api("admin"), Influence.objects.first()
    path = f"/influences/{edge.pk}"
    etag = admin.get(path)["ETag"]
    answer = admin.patch(path, {"strength": 0.77, **WHY}, If_Match=etag)
    assert (answer.status_code, answer.json()["strength"]) == (200, 0.77)
    assert admin.get(path)["ETag"] == answer["ETag"] != etag
    entry = AuditEntry.objects.get(action="influence.edit")
    assert (entry.reason, entry.actor, entry.details) == (
        WHY["reason"], admin.user, {"strength": [edge.strength, 0.77]},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({"strength": 0.5}, 400, "reason"),
        ({"strength": 0.5, "reason": "  "}, 400, "reason"),
        ({"strength": 1.5, **WHY}, 400, "strength"),
        ({"strength": "0.5", **WHY}, 400, "strength"),
        ({"strength": True, **WHY}, 400, "strength"),
        ({"source": "H1", **WHY}, 400, "source"),
        ([1], 400, ""),
    ],
)
def test_refuses_what_is_no_change_of_an_influence(api, body, status, path):
    admin, edge = api("admin"), Influence.objects.first()
    answer = admin.patch(f"/influences/{edge.pk}", body, If_Match="*")
    assert answer.status_code == status
    assert [error["path"] for error in answer.json()["errors"]] == [path]
    assert Influence.objects.get(pk=edge.pk).strength == edge.strength
    assert not AuditEntry.objects.filter(action="influence.edit").exists()


def test_a_change_needs_the_version_that_was_read(api):
    admin, edge = api("admin"), Influence.objects.first()
    path, change = f"/influences/{edge.pk}", {"strength": 0.1, **WHY}
    assert admin.patch(path, change).status_code == 428
    assert admin.patch(path, change, If_Match='"another"').status_code == 412
    assert admin.patch("/influences/999999", change, If_Match="*").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "analyst", "curator"])
def test_only_admins_change_the_model(api, role):
    edge, cluster = Influence.objects.first(), ScenarioCluster.objects.first()
    user = api(role)
    assert user.patch(f"/influences/{edge.pk}", {"strength": 0.1, **WHY}, If_Match="*").status_code == 403
    assert user.patch(f"/clusters/{cluster.pk}", {"name": "X", **WHY}, If_Match="*").status_code == 403


def test_an_admin_changes_a_cluster(api):
    admin, cluster = api("admin"), ScenarioCluster.objects.first()
    path = f"/clusters/{cluster.pk}"
    etag = admin.get(path)["ETag"]
    answer = admin.patch(path, {"name": "Better", "pattern": "A***B*", **WHY}, If_Match=etag)
    assert (answer.status_code, answer.json()["pattern"]) == (200, "A***B*")
    assert AuditEntry.objects.filter(action="cluster.edit", reason=WHY["reason"]).exists()


@pytest.mark.parametrize(("position", "pattern"), [(-1, "A*****"), (0, "A**"), (0, "A**AB*; drop")])
def test_the_clusters_stay_a_place_for_every_scenario(api, position, pattern):
    admin = api("admin")
    cluster = list(ScenarioCluster.objects.all())[position]
    answer = admin.patch(f"/clusters/{cluster.pk}", {"pattern": pattern, **WHY}, If_Match="*")
    assert answer.status_code == 400, answer.text
    assert ScenarioCluster.objects.get(pk=cluster.pk).pattern == cluster.pattern
