"""Influences and clusters in the admin site: changed through their services, with a reason."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from analysis.models import Influence, ScenarioCluster
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    user = UserFactory(role="admin")
    client.force_login(user)
    return user


@pytest.fixture
def change(client, admin):
    """Send the form of a row with some fields changed, and give the answer."""

    def change(row, **fields):
        url = reverse(f"admin:analysis_{row._meta.model_name}_change", args=[row.pk])
        form = client.get(url).context["adminform"].form
        return client.post(url, {**form.initial, "reason": "", **fields})

    return change


@pytest.mark.parametrize(
    ("model", "field", "value"), [(Influence, "strength", 0.125), (ScenarioCluster, "colour", "#123456")]
)
def test_a_change_has_a_reason_and_is_audited(change, admin, model, field, value):
    row = model.objects.first()
    before = getattr(row, field)
    refused = change(row, **{field: value})
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors == {"reason": ["Say why."]}
    row.refresh_from_db()
    assert getattr(row, field) == before
    assert change(row, **{field: value}, reason="A survey.").status_code == 302
    row.refresh_from_db()
    assert getattr(row, field) == value
    entry = AuditEntry.objects.get(object_type=row._meta.label_lower, object_id=row.pk)
    assert (entry.actor, entry.reason, entry.details) == (admin, "A survey.", {field: [before, value]})


def test_what_the_model_cannot_have_is_refused_at_its_field(change):
    row = Influence.objects.first()
    errors = change(row, strength=1.5, reason="Why not.").context["adminform"].form.errors
    assert set(errors) == {"strength"}
    last = ScenarioCluster.objects.last()
    assert change(last, pattern="A*****", reason="Why not.").context["adminform"].form.errors
    last.refresh_from_db()
    assert last.pattern == "******"


def test_a_field_that_was_left_alone_keeps_what_another_has_written(client, change):
    row = Influence.objects.first()
    url = reverse("admin:analysis_influence_change", args=[row.pk])
    assert client.get(url).status_code == 200
    Influence.objects.filter(pk=row.pk).update(description="Another's words.")
    assert change(row, strength=0.25, reason="A survey.").status_code == 302
    row.refresh_from_db()
    assert (row.strength, row.description) == (0.25, "Another's words.")


@pytest.mark.parametrize("name", ["influence", "scenariocluster"])
def test_none_are_added_or_deleted(client, admin, name):
    row = {"influence": Influence, "scenariocluster": ScenarioCluster}[name].objects.first()
    assert client.get(reverse(f"admin:analysis_{name}_add")).status_code == 403
    assert client.post(reverse(f"admin:analysis_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
