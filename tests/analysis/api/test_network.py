"""Influences and clusters: read with the scenarios, changed by admins who say why."""

import pytest

from accounts.models import AuditEntry
from analysis.models import Influence, ScenarioCluster
from analysis.services.model_documents import model_document_build

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


EDGE = {"source": "H3", "source_outcome": "A", "target": "H6", "target_outcome": "B", "strength": 0.25}
FAMILY = {"name": "Late and safe", "pattern": "B**A**", "colour": "#009E73"}


def names():
    return list(ScenarioCluster.objects.values_list("name", flat=True))


class TestNewParts:
    """What an admin adds to the model and takes away again."""

    def test_an_influence_comes_last_and_counts_in_the_next_model(self, api):
        admin, before = api("admin"), Influence.objects.count()
        answer = admin.post("/influences", {**EDGE, "description": "Why", **WHY})
        row = Influence.objects.last()
        assert (answer.status_code, answer.json()) == (
            201,
            {**EDGE, "description": "Why", "id": row.pk, "key": "H3A>H6B", "order": before + 1},
        )
        assert admin.get(f"/influences/{row.pk}")["ETag"] == answer["ETag"]
        assert model_document_build().to_json()["influences"][-1] == {**EDGE, "description": "Why"}
        entry = AuditEntry.objects.get(action="influence.create")
        assert (entry.actor, entry.reason, entry.details) == (
            admin.user, WHY["reason"], {"influence": "H3A > H6B"},
        )  # fmt: skip
        history = row.history.get()
        assert (history.history_user, history.history_change_reason) == (admin.user, WHY["reason"])

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"reason": " "}, "reason"),
            ({"reason": None}, "reason"),
            ({"source": "H9"}, "source"),
            ({"source": {"code": "H1"}}, "source"),
            ({"target": "H3"}, ""),
            ({"source": "H2", "source_outcome": "A", "target": "H4", "target_outcome": "B"}, ""),
            ({"source_outcome": "C"}, "source_outcome"),
            ({"strength": 1.01}, "strength"),
            ({"strength": "1"}, "strength"),
            ({"strength": 10**400}, "strength"),
            ({"order": 3}, "order"),
            ({"description": "x" * 501}, "description"),
        ],
    )
    def test_no_influence_that_makes_no_sense(self, api, changes, path):
        before = list(Influence.objects.values())
        answer = api("admin").post("/influences", {**EDGE, **WHY, **changes})
        assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (400, [path])
        assert list(Influence.objects.values()) == before

    def test_an_influence_is_deleted_with_a_reason_and_stays_in_the_history(self, api):
        admin, edge = api("admin"), Influence.objects.first()
        key, path = str(edge), f"/influences/{edge.pk}"
        etag = admin.get(path)["ETag"]
        assert admin("delete", f"{path}?reason=Doubled").status_code == 428
        assert admin("delete", path, If_Match=etag).status_code == 400
        assert admin("delete", f"{path}?reason=%20", If_Match=etag).status_code == 400
        assert admin("delete", f"{path}?reason=Doubled", If_Match='"another"').status_code == 412
        assert Influence.objects.filter(pk=edge.pk).exists()
        assert admin("delete", f"{path}?reason=Doubled", If_Match=etag).status_code == 204
        assert admin.get(path).status_code == 404
        entry = AuditEntry.objects.get(action="influence.delete")
        assert (entry.reason, entry.object_id, entry.details["deleted"]) == ("Doubled", str(edge.pk), key)
        last = Influence.history.filter(id=edge.pk).latest()
        assert (last.history_type, last.history_change_reason) == ("-", "Doubled")

    @pytest.mark.parametrize(("order", "expected"), [(None, 2), (1, 0), (2, 1), (3, 2)])
    def test_a_cluster_takes_its_place_and_the_others_move_on(self, api, order, expected):
        before, place = names(), {} if order is None else {"order": order}
        answer = api("admin").post("/clusters", {**FAMILY, **place, **WHY})
        assert (answer.status_code, answer.json()["order"]) == (201, expected + 1)
        assert names() == [*before[:expected], FAMILY["name"], *before[expected:]]
        assert list(ScenarioCluster.objects.values_list("order", flat=True)) == [1, 2, 3, 4]
        assert [each["name"] for each in model_document_build().to_json()["clusters"]] == names()
        moved = ScenarioCluster.history.filter(name=before[-1], history_change_reason=WHY["reason"])
        assert moved.exists()
        assert AuditEntry.objects.get(action="cluster.create").reason == WHY["reason"]

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"order": 4}, ""),
            ({"order": 5}, "order"),
            ({"order": 0}, "order"),
            ({"pattern": "A**"}, ""),
            ({"pattern": "C*****"}, "pattern"),
            ({"colour": "red"}, "colour"),
            ({"name": ""}, "name"),
            ({"reason": ""}, "reason"),
        ],
    )
    def test_no_cluster_that_makes_no_sense(self, api, changes, path):
        before = list(ScenarioCluster.objects.values())
        answer = api("admin").post("/clusters", {**FAMILY, **WHY, **changes})
        paths = {error["path"].partition("[")[0].partition(":")[0] for error in answer.json()["errors"]}
        assert (answer.status_code, paths) == (400, {path}), answer.text
        assert list(ScenarioCluster.objects.values()) == before

    def test_a_name_is_taken_once(self, api):
        answer = api("admin").post("/clusters", {**FAMILY, "name": names()[0], **WHY})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "name")

    def test_a_cluster_is_deleted_but_for_the_last(self, api):
        admin, (first, *_, last) = api("admin"), ScenarioCluster.objects.all()
        for row, status in ((last, 400), (first, 204)):
            path = f"/clusters/{row.pk}"
            assert admin("delete", f"{path}?reason=Merged", If_Match="*").status_code == status
            assert ScenarioCluster.objects.filter(pk=row.pk).exists() == (status == 400)
        assert AuditEntry.objects.get(action="cluster.delete").details["pattern"] == first.pattern

    @pytest.mark.parametrize("role", ["viewer", "analyst", "curator"])
    def test_is_for_admins(self, api, role):
        user, edge = api(role), Influence.objects.first()
        assert user.post("/influences", {**EDGE, **WHY}).status_code == 403
        assert user.post("/clusters", {**FAMILY, **WHY}).status_code == 403
        assert user("delete", f"/influences/{edge.pk}?reason=x", If_Match="*").status_code == 403
