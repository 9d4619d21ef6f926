"""Who is at the other end of a connection: one answer for logs, limits and lockouts."""

from __future__ import annotations

import functools
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.http import HttpRequest

from aifutures_site.config import get_config

_SUBSCRIBER_PREFIX = 64


def client_ip(request: HttpRequest) -> str:
    """The address of the client behind a request; empty where the server knows none (a unix socket)."""
    return client_address(request.META.get("REMOTE_ADDR") or "", request.META.get("HTTP_X_FORWARDED_FOR") or "")


def client_address(peer: str, forwarded_for: str) -> str:
    """The client's address, given the connection's other end and the X-Forwarded-For header.

    The header is believed as far as TRUSTED_PROXIES wrote it: from the right, the first address that is not one of
    them. Whatever a client wrote in it stands further left.
    """
    client = peer
    for hop in reversed(forwarded_for.split(",") if forwarded_for else []):
        if not is_trusted(client):
            break
        address = _parsed(hop.strip())
        if address is None:
            break
        client = str(address)
    return client


def address_block(address: str) -> str:
    """What one subscriber has of the network: an IPv4 address, the /64 of an IPv6 address (RFC 6177); else the text."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed.packed, _SUBSCRIBER_PREFIX), strict=False))
    return str(parsed) if parsed else address


def is_trusted(address: str) -> bool:
    """Whether TRUSTED_PROXIES names the address."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in _networks())


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


@functools.cache
def _networks() -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each) for each in get_config().service.trusted_proxies)
