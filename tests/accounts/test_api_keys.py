"""Keys of machines: shown once, scoped, ended, and never more than their owner's rights."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.keys import key_create, key_revoke
from accounts.models import ApiKey, User
from accounts.policies import Role
from accounts.services import role_assign
from accounts.tokens import AccessToken
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class TestApiKeys:
    def ask(self, client, text, path="me"):
        return client.get(f"/api/v1/auth/{path}", headers={"Authorization": f"Api-Key {text}"})

    def make(self, post, user, **body):
        headers = {"Authorization": f"Bearer {AccessToken.for_user(user)}"}
        return post("keys", {"name": "notebook", **body}, **headers)

    def test_is_shown_once_and_kept_as_a_hash(self, ada, client, post):
        made = self.make(post, ada, scopes=["read:scenarios"]).json()
        assert self.ask(client, made["key"]).json()["scopes"] == ["read:scenarios"]
        listed = self.ask(client, made["key"], "keys").json()["keys"]
        assert [row["prefix"] for row in listed] == [made["prefix"]]
        assert "key" not in listed[0]
        assert made["key"].split("_", 2)[2] not in str(ApiKey.objects.values().get())

    def test_may_no_more_than_its_owner_may_now(self, client):
        user = UserFactory(role="curator")
        _, text = key_create(user=user, name="all")
        assert "write:evidence" in self.ask(client, text).json()["scopes"]
        role_assign(user=user, role=Role.VIEWER)
        assert self.ask(client, text).json()["scopes"] == ["read:scenarios", "read:results"]

    def test_of_an_admin_may_be_limited_by_a_pattern(self, client):
        _, text = key_create(user=UserFactory(role="admin"), name="reader", scopes=["read:*"])
        assert set(self.ask(client, text).json()["scopes"]) >= {"read:evidence", "read:drafts", "read:runs"}
        assert not any(scope.startswith("write:") for scope in self.ask(client, text).json()["scopes"])

    @pytest.mark.parametrize("scope", ["read:nonsense", "write:", "nonsense:*", "*:*", "*", "read:*:*", "READ:*"])
    def test_of_an_admin_holds_only_what_there_is(self, post, scope):
        answer = self.make(post, UserFactory(role="admin"), scopes=["read:*", scope])
        assert answer.status_code == 400
        (fault,) = answer.json()["errors"]
        assert fault == {"path": "scopes", "code": "unknown", "message": f"There is no scope {scope}."}
        assert not ApiKey.objects.exists()

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({"scopes": ["write:evidence"]}, "scopes"),
            ({"scopes": ["read:*"]}, "scopes"),
            ({"scopes": ["nonsense"]}, "scopes"),
            ({"scopes": []}, "scopes"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "soon"}, "expires_at"),
            ({"name": ""}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"colour": "red"}, "colour"),
        ],
        ids=str,
    )
    def test_bad_input_makes_none(self, ada, post, body, path):
        answer = self.make(post, ada, **body)
        assert answer.status_code == 400
        assert [fault["path"].partition("[")[0] for fault in answer.json()["errors"]] == [path]
        assert not ApiKey.objects.exists()

    def test_names_are_used_once(self, ada, post):
        assert self.make(post, ada).status_code == 201
        answer = self.make(post, ada)
        assert answer.status_code == 400
        assert "a key of this name" in answer.json()["errors"][0]["message"]

    def test_has_an_end(self, ada, client):
        ended, text = key_create(user=ada, name="short", expires_at=timezone.now() + timedelta(minutes=1))
        assert self.ask(client, text).status_code == 200
        ApiKey.objects.filter(pk=ended.pk).update(expires_at=timezone.now())
        assert self.ask(client, text).status_code == 401

    def test_ends_when_revoked_and_with_its_owners_activity(self, ada, client):
        key, text = key_create(user=ada, name="one")
        key_revoke(key=key, actor=ada)
        assert self.ask(client, text).status_code == 401
        _, text = key_create(user=ada, name="one")
        User.objects.filter(pk=ada.pk).update(is_active=False)
        assert self.ask(client, text).status_code == 401

    @pytest.mark.parametrize(
        ("word", "usable"), [("a long enough phrase", {"usable_password": "true"}), ("", {"unset-password": "yes"})]
    )
    def test_ends_with_its_owners_password_also_where_no_other_takes_its_place(self, ada, client, word, usable):
        _, text = key_create(user=ada, name="one")
        admin = Client()
        admin.force_login(UserFactory(role="admin"))
        form = {"usable_password": "false", "password1": word, "password2": word} | usable
        assert admin.post(reverse("admin:auth_user_password_change", args=[ada.pk]), form).status_code == 302
        assert User.objects.get(pk=ada.pk).has_usable_password() is bool(word)
        assert self.ask(client, text).status_code == 401

    @pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "x", lambda t: t.upper(), lambda t: "aif__"])
    def test_another_text_is_no_key(self, ada, client, change):
        _, text = key_create(user=ada, name="one")
        assert self.ask(client, change(text)).status_code == 401

    def test_its_use_is_noted_to_the_minute(self, ada, client, django_assert_num_queries):
        key, text = key_create(user=ada, name="one")
        self.ask(client, text)
        key.refresh_from_db()
        first = key.last_used_at
        assert timezone.now() - first < timedelta(seconds=10)
        with django_assert_num_queries(1):
            self.ask(client, text)
        ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
        self.ask(client, text)
        key.refresh_from_db()
        assert key.last_used_at > first

    def test_makes_and_ends_no_keys(self, ada, client):
        key, text = key_create(user=ada, name="one")
        headers = {"Authorization": f"Api-Key {text}"}
        made = client.post("/api/v1/auth/keys", {"name": "two"}, content_type="application/json", headers=headers)
        ended = client.delete(f"/api/v1/auth/keys/{key.pk}", headers=headers)
        assert (made.status_code, ended.status_code) == (403, 403)
        assert ApiKey.objects.kept().count() == 1
