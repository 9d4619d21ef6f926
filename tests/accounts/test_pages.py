"""Pages of one's own account: rights, limits, keys, sessions and passwords."""

import html
import re

import pytest
from django.contrib.auth import get_user
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.keys import key_create, key_use
from accounts.limits import Cost, limit_consume
from accounts.models import AuditEntry
from accounts.policies import SCOPES, Role, Scope, holds
from accounts.tokens import tokens_issue, user_by_access_token
from accounts.wording import WORDS, duration
from tests.accounts.conftest import PASSWORD
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

NEW = "a wholly different one 7"


@pytest.fixture
def user():
    user = UserFactory(role="analyst", username="ada", email="ada@example.org")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def own(client, user):
    client.force_login(user)
    return client


def words(response):
    text = re.sub(r"<[^>]+>", " ", response.text)
    return " ".join(html.unescape(text).split())


def is_signed_in(client):
    return get_user(client).is_authenticated


@pytest.mark.parametrize("name", ["account", "account_keys", "account_password"])
def test_strangers_sign_in_first(client, name):
    answer = client.get(reverse(name))
    assert (answer.status_code, answer["Location"]) == (302, f"{reverse('login')}?next={reverse(name)}")


def test_every_scope_has_words():
    assert set(WORDS) == set(Scope)


@pytest.mark.parametrize("role", Role)
def test_the_profile_says_what_the_role_may(client, role):
    client.force_login(UserFactory(role=role.value))
    text = words(client.get(reverse("account")))
    assert f"Role {role.label}" in text
    for scope, right in WORDS.items():
        assert (f" {right} " in text) == holds(SCOPES[role], scope)


def test_who_has_no_role_is_told_so(client):
    client.force_login(UserFactory(role=None))
    text = words(client.get(reverse("account")))
    assert "none yet: ask an administrator for one" in text
    assert "You may" not in text
    assert "so a key could do nothing" in words(client.get(reverse("account_keys")))


def test_the_profile_says_what_of_a_limit_is_used(own, user):
    for _ in range(3):
        limit_consume(user=user, cost=Cost.EVIDENCE_QUERIES)
    text = words(own.get(reverse("account")))
    assert "Questions about evidence 3 of 100 in an hour" in text
    assert "What-if questions 0 of 600 in a minute" in text
    assert "Questions about scenarios and results no limit" in text


def test_the_pages_take_few_queries(own, user, django_assert_max_num_queries):
    for number in range(5):
        key_create(user=user, name=f"key {number}")
    for name in ("account", "account_keys", "account_password"):
        with django_assert_max_num_queries(6):
            own.get(reverse(name))


class TestKeys:
    def make(self, client, **more):
        given = {"name": "notebook", "days": "30", "scopes": ["read:scenarios"]} | more
        return client.post(reverse("account_keys"), given)

    @pytest.mark.sqlite
    def test_a_key_is_shown_once_and_works(self, own, user):
        page = self.make(own)
        text = re.search(r"aif_\w+_[\w-]+", page.text)[0]
        assert "no-store" in page["Cache-Control"]
        key = key_use(text=text)
        assert (key.user, key.scopes, key.name) == (user, ["read:scenarios"], "notebook")
        assert 29 <= (key.expires_at - key.created_at).days <= 30
        again = own.get(reverse("account_keys")).text
        assert key.prefix in again
        assert text not in again

    def test_faults_stand_beside_their_fields_and_nothing_is_made(self, own, user):
        self.make(own)
        assert "You have a key of this name already." in words(self.make(own))
        assert "Select a valid choice." in words(self.make(own, name="other", scopes=["write:users"]))
        assert "This field is required." in words(self.make(own, name=""))
        assert user.api_keys.count() == 1

    def test_a_revoked_key_has_ended(self, own, user):
        key, text = key_create(user=user, name="notebook")
        answer = own.post(reverse("account_key_revoke", args=[key.pk]), follow=True)
        assert "notebook has ended." in words(answer)
        assert key_use(text=text) is None

    def test_keys_of_others_are_out_of_reach(self, own):
        key, text = key_create(user=UserFactory(role="admin"), name="theirs")
        assert own.post(reverse("account_key_revoke", args=[key.pk])).status_code == 404
        assert key_use(text=text)
        assert "theirs" not in own.get(reverse("account_keys")).text


class TestSessions:
    @pytest.mark.sqlite
    def test_all_other_browsers_are_signed_out_and_tokens_end(self, own, user):
        other, stranger = Client(), Client()
        other.force_login(user)
        stranger.force_login(UserFactory(role="viewer"))
        token = tokens_issue(user=user)["access"]
        _, key = key_create(user=user, name="notebook")
        page = own.post(reverse("account_end"), follow=True)
        assert "1 other browser signed out" in words(page)
        assert [is_signed_in(client) for client in (own, other, stranger)] == [True, False, True]
        assert user_by_access_token(token) is None
        assert key_use(text=key)
        assert AuditEntry.objects.filter(action="sessions.end", actor=user).exists()

    def test_asks_for_a_post(self, own):
        assert own.get(reverse("account_end")).status_code == 405


class TestPasswords:
    def change(self, client, old=PASSWORD, new=NEW):
        given = {"old_password": old, "new_password1": new, "new_password2": new}
        return client.post(reverse("account_password"), given, follow=True)

    def test_a_change_keeps_this_browser_and_ends_the_rest(self, own, user):
        other = Client()
        other.force_login(user)
        _, key = key_create(user=user, name="notebook")
        assert "Your password is changed." in words(self.change(own))
        assert [is_signed_in(client) for client in (own, other)] == [True, False]
        assert key_use(text=key) is None
        user.refresh_from_db()
        assert user.check_password(NEW)

    @pytest.mark.parametrize(("old", "new"), [("wrong", NEW), (PASSWORD, "ada")])
    def test_a_wrong_or_a_weak_one_changes_nothing(self, own, user, old, new):
        assert "Nothing was changed" in words(self.change(own, old, new))
        user.refresh_from_db()
        assert user.check_password(PASSWORD)

    def test_a_link_by_mail_sets_a_new_one_once(self, client, user):
        sent = client.post(reverse("password_reset"), {"email": "ADA@example.org"}, follow=True)
        assert "If an account has this address" in words(sent)
        link = re.search(r"http://testserver(/\S+)", mail.outbox[0].body)[1]
        page = client.get(link, follow=True)
        assert "Choose a new password" in words(page)
        given = {"new_password1": NEW, "new_password2": NEW}
        done = client.post(page.redirect_chain[-1][0], given, follow=True)
        assert "Your new password is set." in words(done)
        assert client.login(username="ada", password=NEW, request=done.wsgi_request)
        assert "This link has ended" in words(Client().get(link, follow=True))

    def test_whom_an_address_belongs_to_is_not_told(self, client, user):
        sent = client.post(reverse("password_reset"), {"email": "nobody@example.org"}, follow=True)
        assert "If an account has this address" in words(sent)
        assert not mail.outbox

    def test_asking_for_links_is_limited(self, client, user):
        answers = {client.post(reverse("password_reset"), {"email": "x@example.org"}).status_code for _ in range(200)}
        assert answers == {302, 429}

    def test_offered_only_where_mail_is_sent(self, client, settings):
        assert "Forgotten your password?" in client.get(reverse("login")).text
        settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
        assert "Forgotten your password?" not in client.get(reverse("login")).text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, ""),
        (1, "a second"),
        (59, "59 seconds"),
        (60, "a minute"),
        (61, "2 minutes"),
        (3600, "an hour"),
        (172_800, "2 days"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("role", "said"),
    [(None, "Your account has no role yet."), ("viewer", "Your role, viewer, may not read the evidence.")],
)
def test_a_refusal_says_what_is_missing(client, role, said):
    client.force_login(UserFactory(role=role))
    answer = client.get(reverse("home_changes"))
    assert answer.status_code == 403
    assert said in words(answer)
