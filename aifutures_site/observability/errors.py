"""Errors that nobody expected, told to an error tracker."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint


def errors_report(dsn: str | None) -> None:
    """Send what is logged as an error, with its traceback, to a Sentry server; without an address nothing is sent.

    Told are the route and the exception. Addresses, headers, bodies, users and local variables stay here:
    they hold evidence, and perhaps secrets.
    """
    if dsn is None:
        return
    import sentry_sdk  # noqa: PLC0415 - a tenth of a second of every start, for those who use it
    from sentry_sdk.integrations.django import DjangoIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import ignore_logger  # noqa: PLC0415

    ignore_logger("django.security.DisallowedHost")  # anybody can cause it, and many do
    sentry_sdk.init(
        dsn=dsn,
        integrations=[DjangoIntegration()],
        auto_enabling_integrations=False,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=_without_what_was_sent,
    )


def _without_what_was_sent(event: Event, hint: Hint) -> Event:
    event.pop("request", None)
    event.get("extra", {}).pop("request", None)
    return event
