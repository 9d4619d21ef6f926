"""What a start of the server checks about signing in."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import Error, Tags, Warning, register

from aifutures_site.config import get_config


@register(Tags.security)
def blacklist_installed(**_: Any) -> list[Error]:
    """Without its tables, refresh tokens could be used for ever and never revoked, and nothing would say so."""
    if apps.is_installed("rest_framework_simplejwt.token_blacklist"):
        return []
    return [Error("rest_framework_simplejwt.token_blacklist is not in INSTALLED_APPS.", id="accounts.E001")]


@register(Tags.security, deploy=True)
def signing_key_given(**_: Any) -> list[Warning]:
    """A key of their own lets tokens' key change without signing everybody out of their sessions."""
    if get_config().service.jwt_signing_key:
        return []
    return [
        Warning("JWT_SIGNING_KEY is not set: tokens are signed with a key made from SECRET_KEY.", id="accounts.W001")
    ]
