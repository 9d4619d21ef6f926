"""The audit trail in the admin site: found, exported, and edited by nobody."""

import csv
import io

import pytest
from django.urls import reverse

from accounts.audit import audit_record
from accounts.models import AuditEntry
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

EXPORT = "admin:accounts_auditentry_export"


@pytest.fixture
def admin(client):
    user = UserFactory(role="admin")
    client.force_login(user)
    return user


def test_what_the_filters_leave_goes_out_without_formulas_and_is_noted(client, admin):
    audit_record(actor=admin, action="run.start", reason="=cmd()", details={"note": "<b>x</b>"})
    audit_record(actor=admin, action="run.cancel")
    page = client.get(reverse("admin:accounts_auditentry_changelist"), {"action": "run.start"}).content.decode()
    assert "/admin/accounts/auditentry/export?action=run.start" in page
    response = client.get(reverse(EXPORT), {"action": "run.start"})
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert [(row["action"], row["actor_name"], row["reason"], row["details"]) for row in rows] == [
        ("run.start", admin.username, "'=cmd()", '{"note": "<b>x</b>"}')
    ]
    assert AuditEntry.objects.filter(action="audit.export", actor=admin, details={"format": "csv", "rows": 1}).exists()
    assert client.get(reverse(EXPORT), {"colour": "red"}).status_code == 302


def test_more_than_fit_into_a_file_are_refused_with_what_to_do(client, admin, monkeypatch):
    monkeypatch.setattr("accounts.admin.MOST_EXPORTED", 1)
    audit_record(actor=admin, action="run.start")
    assert client.get(reverse(EXPORT), {"action": "run.start"}).status_code == 200
    audit_record(actor=admin, action="run.start")
    page = client.get(reverse(EXPORT), {"action": "run.start"}, follow=True)
    assert "choose a shorter period" in page.content.decode()
    assert page.redirect_chain == [(f"{reverse('admin:accounts_auditentry_changelist')}?action=run.start", 302)]
    assert AuditEntry.objects.filter(action="audit.export").count() == 1


@pytest.mark.parametrize("role", ["viewer", "analyst", "curator"])
def test_the_trail_is_for_admins(client, role):
    client.force_login(UserFactory(role=role))
    assert client.get(reverse(EXPORT)).status_code in {302, 403}
    assert not AuditEntry.objects.filter(action="audit.export").exists()


def test_nobody_edits_it(client, admin):
    entry = audit_record(actor=admin, action="run.start")
    place = "admin:accounts_auditentry"
    for page, arguments in (("change", [entry.pk]), ("delete", [entry.pk]), ("add", [])):
        answer = client.post(reverse(f"{place}_{page}", args=arguments), {"action": "other", "post": "yes"})
        assert answer.status_code == 403, page
    chosen = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    client.post(reverse(f"{place}_changelist"), chosen)
    assert AuditEntry.objects.get(pk=entry.pk).action == "run.start"
