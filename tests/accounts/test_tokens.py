"""Access and refresh tokens, their keys, and tickets for sockets."""

from __future__ import annotations

import threading
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.apps import apps
from django.core.checks import run_checks
from django.db import connections
from django.test import Client
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import redis_client
from accounts.keys import key_create, key_revoke
from accounts.models import ApiKey, AuditEntry, User
from accounts.policies import Role
from accounts.services import role_assign, tokens_end, user_save
from accounts.tokens import (
    AccessToken,
    RefreshToken,
    key_ring,
    ticket_issue,
    ticket_redeem,
    token_revoke,
    tokens_issue,
    tokens_refresh,
    user_again,
    user_by_access_token,
)
from tests.accounts.conftest import PASSWORD
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(settings):
    """Set the keys of tokens, and forget them afterwards."""

    def use(*texts):
        settings.JWT_KEYS = list(texts)
        key_ring.cache_clear()

    yield use
    key_ring.cache_clear()


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


RSA = generate_private_key(65537, 2048)
ED = Ed25519PrivateKey.generate()
SECRET = "a secret that is long enough for HS256"


@pytest.mark.sqlite
def test_a_password_buys_tokens_that_say_who_one_is(ada, post, me):
    pair = post("token", {"username": "ada", "password": PASSWORD}).json()
    claims = jwt.decode(pair["access"], options={"verify_signature": False})
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("aifutures", "aifutures-api", str(ada.pk))
    assert (claims["role"], claims["exp"] - claims["iat"]) == ("analyst", 900)
    assert claims["scopes"] == me(pair["access"]).json()["scopes"]
    assert jwt.decode(pair["refresh"], options={"verify_signature": False})["exp"] - claims["iat"] == 7 * 86_400
    assert me(pair["access"]).json()["username"] == "Ada"


@pytest.mark.parametrize("wrong", [{"password": "other"}, {"username": "nobody"}])
def test_wrong_credentials(ada, post, wrong):
    answer = post("token", {"username": "ada", "password": PASSWORD, **wrong})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "No active account has this name and password."


def test_the_inactive_get_no_tokens(ada, post):
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert post("token", {"username": "ada", "password": PASSWORD}).status_code == 401


def test_guessing_is_stopped_though_databases_know_other_small_letters(post):
    UserFactory(username="vivian", password=PASSWORD)
    for _ in range(10):
        post("token", {"username": "vivian", "password": "wrong"})
    assert post("token", {"username": "v\u0130vian", "password": PASSWORD}).status_code == 429


@pytest.mark.parametrize("username", ["ada", "ADA"])
def test_guessing_is_stopped_whatever_the_capitals(ada, post, username):
    for each in ["Ada", "aDa"] * 5:
        last = post("token", {"username": each, "password": "wrong"})
    assert last.status_code == 429
    answer = post("token", {"username": username, "password": PASSWORD})
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    assert 0 < int(answer["Retry-After"]) <= 900


class TestEnds:
    def change_password(user):
        user.set_password("another phrase altogether")
        user.save()

    def change_role(user):
        role_assign(user=user, role=Role.CURATOR)

    def change_role_and_back(user):
        role_assign(user=user, role=Role.CURATOR)
        role_assign(user=user, role=Role.ANALYST)

    def deactivate(user):
        user.is_active = False
        user_save(user=user, role=user.role, actor=None)

    def deactivate_and_back(user):
        TestEnds.deactivate(user)
        user.is_active = True
        user_save(user=user, role=Role.ANALYST, actor=None)

    def delete(user):
        user.delete()

    def end(user):
        tokens_end(user=user)

    @pytest.mark.parametrize(
        "change",
        [change_password, change_role, change_role_and_back, deactivate, deactivate_and_back, delete, end],
        ids=lambda change: change.__name__,
    )
    def test_at_the_next_request(self, ada, post, me, change):
        pair = tokens_issue(user=ada)
        ticket = ticket_issue(user=ada)
        assert me(pair["access"]).status_code == 200
        connected = user_by_access_token(pair["access"])
        assert user_again(connected) == ada
        change(ada)
        assert user_again(connected) is None
        assert me(pair["access"]).status_code == 401
        assert post("token/refresh", {"refresh": pair["refresh"]}).status_code == 401
        assert ticket_redeem(ticket) is None

    def end_everywhere(user):
        token_revoke(refresh=tokens_issue(user=user)["refresh"], everywhere=True)

    @pytest.mark.parametrize(
        "change",
        [change_password, deactivate, deactivate_and_back, delete, end_everywhere],
        ids=lambda change: change.__name__,
    )
    def test_of_keys(self, ada, client, change):
        _, text = key_create(user=ada, name="notebook")
        headers = {"Authorization": f"Api-Key {text}"}
        ada.refresh_from_db()
        ada.api_key = ApiKey.objects.get()
        connected = ticket_redeem(ticket_issue(user=ada))
        assert client.get("/api/v1/auth/me", headers=headers).status_code == 200
        change(ada)
        assert client.get("/api/v1/auth/me", headers=headers).status_code == 401
        assert user_again(connected) is None

    def test_not_of_keys_when_the_password_is_hashed_anew(self, ada, client, settings):
        _, text = key_create(user=ada, name="notebook")
        old = ada.password
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher", *settings.PASSWORD_HASHERS]
        assert client.post("/accounts/login", {"username": "ada", "password": PASSWORD}).status_code == 302
        ada.refresh_from_db()
        assert ada.password != old
        assert Client().get("/api/v1/auth/me", headers={"Authorization": f"Api-Key {text}"}).status_code == 200

    def test_not_with_what_changes_nothing(self, ada, me):
        access = tokens_issue(user=ada)["access"]
        role_assign(user=ada, role=Role.ANALYST)
        ada.first_name = "Augusta"
        user_save(user=ada, role=Role.ANALYST, actor=None)
        assert me(access).status_code == 200


def test_the_role_is_the_databases_not_the_tokens(ada, me):
    access = AccessToken.for_user(ada)
    access["role"], access["scopes"] = "admin", ["read:*"]
    assert me(access).json()["role"] == "analyst"
    assert "read:drafts" not in me(access).json()["scopes"]


class TestRefresh:
    def test_is_good_once_and_gives_the_next(self, ada, post, me):
        first = tokens_issue(user=ada)
        second = post("token/refresh", {"refresh": first["refresh"]}).json()
        assert me(second["access"]).status_code == 200
        assert post("token/refresh", {"refresh": second["refresh"]}).status_code == 200

    @pytest.mark.parametrize("ended", ["exchanged", "revoked"])
    def test_that_comes_again_ends_all(self, ada, post, me, ended):
        first, other = tokens_issue(user=ada), tokens_issue(user=ada)
        if ended == "exchanged":
            latest = post("token/refresh", {"refresh": first["refresh"]}).json()
        else:
            token_revoke(refresh=first["refresh"])
            latest = tokens_issue(user=ada)
        for _ in range(2):
            assert post("token/refresh", {"refresh": first["refresh"]}).status_code == 401
        for pair in (first, other, latest):
            assert me(pair["access"]).status_code == 401
            assert post("token/refresh", {"refresh": pair["refresh"]}).status_code == 401
        entry = AuditEntry.objects.get(action="tokens.reuse")
        assert (entry.object_type, entry.object_id) == ("accounts.user", str(ada.pk))
        assert me(tokens_issue(user=User.objects.get(pk=ada.pk))["access"]).status_code == 200

    def test_its_text_is_not_kept(self, ada):
        tokens_issue(user=ada)
        assert [row.token for row in OutstandingToken.objects.all()] == [""]

    def test_ends_with_revoke(self, ada, post, me):
        pair = tokens_issue(user=ada)
        assert post("token/revoke", {"refresh": pair["refresh"]}).status_code == 204
        assert me(pair["access"]).status_code == 200
        assert post("token/revoke", {"refresh": pair["refresh"]}).status_code == 204
        assert post("token/refresh", {"refresh": pair["refresh"]}).status_code == 401

    def test_revoke_everywhere_ends_all(self, ada, post, me):
        one, other = tokens_issue(user=ada), tokens_issue(user=ada)
        assert post("token/revoke", {"refresh": one["refresh"], "everywhere": True}).status_code == 204
        assert me(one["access"]).status_code == 401
        assert post("token/refresh", {"refresh": other["refresh"]}).status_code == 401

    def test_revoke_everywhere_works_with_one_that_has_ended(self, ada, post, me):
        pair = tokens_issue(user=ada)
        assert post("token/revoke", {"refresh": pair["refresh"]}).status_code == 204
        assert post("token/revoke", {"refresh": pair["refresh"], "everywhere": True}).status_code == 204
        assert me(pair["access"]).status_code == 401
        assert AuditEntry.objects.get(action="tokens.end").actor == ada

    @pytest.mark.parametrize("everywhere", [True, False])
    def test_revoke_everywhere_says_that_it_cannot(self, ada, post, me, everywhere):
        early = RefreshToken.for_user(ada)
        early.set_exp(from_time=timezone.now() - timedelta(days=8))
        before = tokens_issue(user=ada)["refresh"]
        tokens_end(user=ada)
        access = tokens_issue(user=ada)["access"]
        for refresh in (str(early), before, "a.b.c"):
            answer = post("token/revoke", {"refresh": refresh, "everywhere": everywhere})
            assert answer.status_code == (401 if everywhere else 204)
        assert me(access).status_code == 200

    @pytest.mark.parametrize("text", ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
    def test_what_is_none(self, post, text):
        assert post("token/refresh", {"refresh": text}).status_code == (401 if text else 400)

    def test_an_access_token_is_none(self, ada, post, me):
        pair = tokens_issue(user=ada)
        assert post("token/refresh", {"refresh": pair["access"]}).status_code == 401
        assert me(pair["refresh"]).status_code == 401


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_who_refresh_at_once_one_is_answered():
    user = UserFactory(role="viewer")
    refresh = tokens_issue(user=user)["refresh"]
    barrier, given = threading.Barrier(4), []

    def renew():
        barrier.wait()
        try:
            given.append(tokens_refresh(refresh=refresh))
        except Exception:
            given.append(None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=renew) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([pair for pair in given if pair]) == 1
    assert AuditEntry.objects.filter(action="tokens.reuse").count() == 1


class TestKeys:
    @pytest.mark.parametrize(("key", "algorithm"), [(SECRET, "HS256"), (pem(RSA), "RS256"), (pem(ED), "EdDSA")])
    def test_each_kind_signs_and_names_itself(self, ada, keys, me, key, algorithm):
        keys(key)
        access = str(AccessToken.for_user(ada))
        header = jwt.get_unverified_header(access)
        assert (header["alg"], header["kid"]) == (algorithm, key_ring().current.kid)
        assert me(access).status_code == 200

    @pytest.mark.parametrize("previous", [SECRET, pem(RSA), public_pem(RSA), public_pem(ED)], ids=str.split)
    def test_the_previous_key_is_accepted_and_signs_nothing(self, ada, keys, me, previous):
        keys({public_pem(RSA): pem(RSA), public_pem(ED): pem(ED)}.get(previous, previous))
        old = str(AccessToken.for_user(ada))
        keys("the new key, which is just as long as that", previous)
        new = str(AccessToken.for_user(ada))
        assert (me(old).status_code, me(new).status_code) == (200, 200)
        assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
        keys("the new key, which is just as long as that")
        assert (me(old).status_code, me(new).status_code) == (401, 200)

    def forged(self, ada, key, algorithm, **changes):
        claims = {**AccessToken.for_user(ada).payload, "iss": "aifutures", "aud": "aifutures-api", **changes}
        return jwt.encode(claims, key, algorithm, headers={"kid": key_ring().current.kid})

    def test_no_other_algorithm_than_the_keys_own(self, ada, keys, me):
        keys(pem(RSA))
        assert me(self.forged(ada, None, "none")).status_code == 401
        assert me(self.forged(ada, key_ring().current.kid * 2, "HS256")).status_code == 401
        assert me(self.forged(ada, generate_private_key(65537, 2048), "RS256")).status_code == 401
        assert me(self.forged(ada, RSA, "RS256")).status_code == 200

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "others"},
            {"aud": "others"},
            {"exp": 1_700_000_000},
            {"sub": "0"},
            {"sub": "x"},
            {"stamp": ""},
            {"token_type": "refresh"},
        ],
        ids=str,
    )
    def test_a_claim_that_is_not_ours(self, ada, keys, me, changes):
        keys(SECRET)
        assert me(self.forged(ada, SECRET, "HS256")).status_code == 200
        assert me(self.forged(ada, SECRET, "HS256", **changes)).status_code == 401


class TestTickets:
    def test_let_in_once(self, ada, post):
        access = tokens_issue(user=ada)["access"]
        answer = post("ws-ticket", None, Authorization=f"Bearer {access}").json()
        assert answer["expires_in"] == 60
        assert ticket_redeem(answer["ticket"]) == ada
        assert ticket_redeem(answer["ticket"]) is None

    def test_last_a_minute_and_are_not_kept_in_the_clear(self, ada):
        ticket = ticket_issue(user=ada)
        (name,) = redis_client.connection().keys("ws-ticket:*")
        assert ticket not in name.decode()
        assert 0 < redis_client.connection().ttl(name) <= 60

    def test_are_as_limited_as_their_key(self, ada):
        key, _ = key_create(user=ada, name="socket", scopes=["read:scenarios"])
        ada.api_key = key
        user = ticket_redeem(ticket_issue(user=ada))
        assert user.limited_to == user_again(user).limited_to == {"read:scenarios"}
        ticket = ticket_issue(user=ada)
        key_revoke(key=key, actor=ada)
        assert ticket_redeem(ticket) is None
        assert user_again(user) is None

    def test_nonsense(self):
        assert ticket_redeem("nonsense") is None


class TestSessions:
    def test_serve_the_browser_with_csrf(self, ada):
        client = Client(enforce_csrf_checks=True)
        client.force_login(ada)
        assert client.get("/api/v1/auth/me").json()["username"] == "Ada"
        body = {"name": "browser"}
        refused = client.post("/api/v1/auth/keys", body, content_type="application/json")
        assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
        client.cookies["csrftoken"] = token = "x" * 32
        made = client.post("/api/v1/auth/keys", body, content_type="application/json", headers={"X-CSRFToken": token})
        assert made.status_code == 201

    @pytest.mark.parametrize("path", ["auth/keys", "analysis/run"])
    @pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
    def test_send_no_forms(self, ada, path, kind):
        client = Client(enforce_csrf_checks=True)
        client.force_login(ada)
        client.cookies["csrftoken"] = token = "x" * 32
        body = f'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}\r\n--x--\r\n'
        assert client.post(f"/api/v1/{path}", body, content_type=kind).status_code == 403
        answer = client.post(f"/api/v1/{path}", body, content_type=kind, headers={"X-CSRFToken": token})
        assert (answer.status_code, answer["Content-Type"]) == (415, "application/problem+json")


def test_garbage_in_the_header_is_401(client):
    for value in ("Bearer", "Bearer ", "Bearer x y z", "Api-Key", "Api-Key \x01", "Bearer " + "x" * 5000):
        assert client.get("/api/v1/auth/me", headers={"Authorization": value}).status_code == 401
    assert user_by_access_token("") is None


def test_a_token_for_a_user_unknown_to_the_database(client, ada):
    refresh = str(RefreshToken.for_user(ada))
    ada.delete()
    answer = client.post("/api/v1/auth/token/refresh", {"refresh": refresh}, content_type="application/json")
    assert answer.status_code == 401


def test_a_start_without_the_blacklist_is_refused(monkeypatch):
    def found():
        return [each.id for each in run_checks(tags=["security"]) if each.id == "accounts.E001"]

    assert not found()
    installed = apps.is_installed
    monkeypatch.setattr(apps, "is_installed", lambda name: "blacklist" not in name and installed(name))
    assert found()
