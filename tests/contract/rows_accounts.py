"""Signing in, and the API's description."""

from accounts.keys import key_create
from tests.contract.rows import Call, everyone, owned, row, signed_in

PASSWORD = "correct horse battery staple"


def credentials(owner):
    owner.set_password(PASSWORD)
    owner.save()
    return Call(body={"username": owner.username, "password": PASSWORD})


def refresh_token(owner):
    from accounts.tokens import tokens_issue

    return Call(body={"refresh": tokens_issue(user=owner)["refresh"]})


def key(owner):
    return Call(path={"pk": key_create(user=owner, name="notebook")[0].pk})


ROWS = [
    row("POST", "auth/token", everyone(200), make=credentials, queries=4),
    row("POST", "auth/token/refresh", everyone(200), make=refresh_token, queries=7),
    row("POST", "auth/token/revoke", everyone(204), make=refresh_token, queries=5),
    row("GET", "auth/me", signed_in(200), queries=1),
    row("POST", "auth/ws-ticket", signed_in(201), queries=1),
    row("GET", "auth/keys", signed_in(200), queries=2),
    row("POST", "auth/keys", signed_in(201), make=lambda owner: Call(body={"name": "notebook"}), queries=8),
    row("DELETE", "auth/keys/<int:pk>", owned(204), make=key, queries=4),
    row("GET", "schema", everyone(200), queries=0),
    row("GET", "docs", everyone(200), queries=0),
    row("GET", "docs/redoc", everyone(200), queries=0),
]
