"""Who is at the other end, through proxies that are trusted and ones that are not."""

import pytest

from accounts import addresses
from accounts.addresses import client_address
from aifutures_site.config import load_config


@pytest.fixture(autouse=True)
def _trusted(monkeypatch):
    config = load_config({"TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::1"})
    monkeypatch.setattr(addresses, "get_config", lambda: config)
    addresses._networks.cache_clear()
    yield
    addresses._networks.cache_clear()


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1,", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8::1", "2001:db8::7", "2001:db8::7"),
        ("2001:db8::2", "2001:db8::7", "2001:db8::2"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_first_from_the_right_that_is_no_proxy_of_ours(peer, forwarded_for, client):
    assert client_address(peer, forwarded_for) == client


@pytest.mark.django_db
@pytest.mark.parametrize(("peer", "counted"), [("10.0.0.1", "198.51.100.1"), ("192.0.2.1", "192.0.2.1")])
def test_signing_in_counts_the_clients_address(client, peer, counted):
    from accounts.redis_client import connection

    form = {"username": "ada", "password": "wrong"}
    client.post("/accounts/login", form, REMOTE_ADDR=peer, headers={"X-Forwarded-For": "198.51.100.1"})
    assert connection().keys("limit:address:*") == [f"limit:address:{counted}:sign_in".encode()]


@pytest.mark.parametrize(("peer", "secure"), [("10.0.0.1", True), ("192.0.2.1", False)])
def test_only_a_trusted_proxy_says_that_it_was_https(client, settings, peer, secure):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    answer = client.get("/health", REMOTE_ADDR=peer, headers={"X-Forwarded-Proto": "https"})
    assert answer.wsgi_request.is_secure() is secure
