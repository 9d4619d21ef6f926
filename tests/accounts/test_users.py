"""Names whatever their case, the last admin, and the audit trail."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib import admin
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction
from django.test import RequestFactory
from django.urls import reverse

from accounts.audit import audit_record
from accounts.keys import key_create
from accounts.models import ApiKey, AuditEntry, User
from accounts.policies import Role
from accounts.services import role_assign, user_create, user_save, users_delete
from tests.accounts.conftest import PASSWORD
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class TestNames:
    @pytest.mark.sqlite
    def test_differ_in_more_than_capitals(self):
        UserFactory(username="Ada")
        with pytest.raises(ValidationError, match="perhaps in other capitals"):
            user_create(username="ADA", role=Role.VIEWER, password=PASSWORD)
        with pytest.raises(IntegrityError), transaction.atomic():
            UserFactory(username="aDA")

    @pytest.mark.sqlite
    @pytest.mark.parametrize("given", ["ada", "Ada", "ADA", "Ａda"])
    def test_sign_in_with_any_capitals(self, given):
        user = user_create(username="Ada", role=Role.VIEWER, password=PASSWORD)
        assert authenticate(RequestFactory().post("/"), username=given, password=PASSWORD) == user

    def test_are_refused_at_the_field_in_the_admin_site(self, client):
        UserFactory(username="Ada")
        client.force_login(UserFactory(role="admin"))
        form = {"username": "ada", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
        response = client.post(reverse("admin:accounts_user_add"), form)
        assert "already exists" in str(response.context["adminform"].form.errors)


class TestTheLastAdmin:
    @pytest.fixture
    def last(self, client):
        user = UserFactory(username="root", role="admin")
        UserFactory(role="admin", is_active=False)
        client.force_login(user)
        return user

    def still(self, user):
        return User.objects.get(pk=user.pk).role is Role.ADMIN

    def test_keeps_role_and_activity(self, last):
        with pytest.raises(ValidationError, match="last active admin"):
            role_assign(user=last, role=Role.CURATOR)
        last.is_active = False
        with pytest.raises(ValidationError, match="last active admin"):
            user_save(user=last, role=Role.ADMIN, actor=last)
        with pytest.raises(ValidationError, match="last active admin"):
            users_delete(users=[last], actor=last)
        assert self.still(last)

    @pytest.mark.parametrize("change", [{"role": "viewer"}, {"role": ""}, {"is_active": ""}])
    def test_is_told_so_by_the_form(self, client, last, change):
        address = reverse("admin:accounts_user_change", args=[last.pk])
        form = {"username": "root", "email": "", "role": "admin", "is_active": "on", **change}
        response = client.post(address, form)
        assert "last active admin" in str(response.context["adminform"].form.errors)
        assert self.still(last)
        UserFactory(role="admin")
        assert client.post(address, form).status_code == 302
        assert not self.still(last)

    def test_cannot_be_deleted_alone_or_with_others(self, client, last):
        other = UserFactory()
        client.post(reverse("admin:accounts_user_delete", args=[last.pk]), {"post": "yes"})
        data = {"action": "delete_selected", "_selected_action": [last.pk, other.pk], "post": "yes"}
        page = client.post(reverse("admin:accounts_user_changelist"), data)
        assert "last active admin" in page.text
        assert self.still(last)
        assert User.objects.filter(pk=other.pk).exists()
        data["_selected_action"] = [other.pk]
        client.post(reverse("admin:accounts_user_changelist"), data)
        assert not User.objects.filter(pk=other.pk).exists()

    @pytest.mark.django_db(transaction=True, serialized_rollback=True)
    def test_of_two_who_demote_each_other_one_stays(self):
        pair = UserFactory.create_batch(2, role="admin")
        barrier = threading.Barrier(2)

        def demote(user):
            barrier.wait()
            try:
                role_assign(user=user, role=Role.VIEWER)
            except ValidationError:
                return "refused"
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            assert sorted(map(str, pool.map(demote, pair))) == ["None", "refused"]
        assert sorted(self.still(user) for user in pair) == [False, True]

    @pytest.mark.django_db(transaction=True, serialized_rollback=True)
    def test_the_action_on_a_list_needs_no_transaction_around_it(self, client, last):
        data = {"action": "delete_selected", "_selected_action": [last.pk, UserFactory().pk]}
        assert "last active admin" in client.post(reverse("admin:accounts_user_changelist"), data).text

    def test_a_superuser_is_one(self, last):
        UserFactory(is_superuser=True)
        role_assign(user=last, role=Role.VIEWER)
        assert not self.still(last)

    def test_who_is_no_admin_changes_at_will(self):
        user = UserFactory(role="viewer")
        role_assign(user=user, role=Role.CURATOR)
        users_delete(users=[user], actor=None)


class TestAudit:
    def actions(self, **of):
        return list(AuditEntry.objects.filter(**of).order_by("id").values_list("action", flat=True))

    def test_what_the_admin_site_does_to_users_is_noted_with_its_request(self, client):
        actor = UserFactory(username="root", role="admin")
        client.force_login(actor)
        AuditEntry.objects.all().delete()
        form = {"username": "ada", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
        client.post(reverse("admin:accounts_user_add"), {**form, "role": "viewer"})
        ada = User.objects.get(username="ada")
        change = reverse("admin:accounts_user_change", args=[ada.pk])
        client.post(
            change,
            {"username": "ada", "email": "a@example.org", "role": "curator", "is_active": "on"},
            headers={"X-Request-ID": "change-7"},
        )
        password = reverse("admin:auth_user_password_change", args=[ada.pk])
        client.post(password, {"usable_password": "true", "password1": PASSWORD + "x", "password2": PASSWORD + "x"})
        client.post(reverse("admin:accounts_user_delete", args=[ada.pk]), {"post": "yes"})
        assert self.actions() == [
            *("user.create", "role.assign"),
            *("user.change", "role.assign"),
            *("user.password", "user.delete"),
        ]
        entry = AuditEntry.objects.get(action="user.change")
        assert (entry.actor, entry.request_id, entry.details) == (actor, "change-7", {"email": "a@example.org"})
        assert (entry.object_type, entry.object_id) == ("accounts.user", str(ada.pk))
        given = AuditEntry.objects.filter(action="role.assign").latest("id")
        assert given.details == {"from": ["viewer"], "to": "curator"}

    def test_outlives_who_did_it(self):
        actor = UserFactory(username="ada")
        entry = audit_record(actor=actor, action="evidence.approve", subject=actor, reason="Sound.", details={"n": 1})
        actor.delete()
        entry.refresh_from_db()
        assert (entry.actor, entry.actor_name, entry.reason, entry.details) == (None, "ada", "Sound.", {"n": 1})

    def test_keys_are_noted_without_their_secret(self, client):
        actor = UserFactory(role="admin")
        client.force_login(actor)
        key, text = key_create(user=UserFactory(role="analyst"), name="notebook")
        data = {"action": "revoke", "_selected_action": [key.pk]}
        assert client.post(reverse("admin:accounts_apikey_changelist"), data, follow=True).status_code == 200
        assert not ApiKey.objects.usable().exists()
        assert self.actions(action__startswith="key") == ["key.create", "key.revoke"]
        assert text.split("_", 2)[2] not in str(list(AuditEntry.objects.values()))
        page = client.get(reverse("admin:accounts_apikey_change", args=[key.pk]))
        assert key.secret_hash not in page.text

    @pytest.mark.parametrize("model", [AuditEntry, ApiKey])
    def test_is_read_only(self, rf, model):
        request = rf.get("/")
        request.user = UserFactory(role="admin")
        site = admin.site._registry[model]
        assert site.has_view_permission(request)
        assert not site.has_add_permission(request)
        assert not site.has_change_permission(request)
        assert not site.has_delete_permission(request)
