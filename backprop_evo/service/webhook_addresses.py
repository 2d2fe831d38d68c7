"""Where a webhook may lead: HTTP or HTTPS, to the public internet, unless a setting opens private networks.

A service that fetches any address it is told can be made to knock at doors that only it can reach. So the
name is resolved here, every address that it has is judged, and the sender connects to a judged address, not
to the name, which could have another by then.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.described import is_storable

MAX_URL = 2000
Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """A URL taken apart; ``target`` is path and query."""

    host: str
    port: int
    target: str
    is_secure: bool

    @property
    def shown(self) -> str:
        """What others may see of it: the path is often a secret."""
        default = 443 if self.is_secure else 80
        port = "" if self.port == default else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_secure else 'http'}://{host}{port}/…"


def parse_webhook(url: str) -> WebhookAddress:
    """Raises ``InvalidSettings`` for anything but a plain URL of HTTP or HTTPS."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or not is_storable(url):
        raise _refused(f"it has at most {MAX_URL} characters, all of them printable ASCII")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _refused(str(error)) from None
    if parts.scheme not in ("http", "https") or not host:
        raise _refused("it must begin with https:// or http:// and a host")
    if parts.username is not None or parts.password is not None:
        raise _refused("it carries a password: what is sent is signed instead")
    secure = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookAddress(host, port or (443 if secure else 80), target, secure)


def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system knows them. Raises ``OSError``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def judged_addresses(
    webhook: WebhookAddress, *, allow_private: bool, resolve: Resolve = look_up
) -> Sequence[str]:
    """Every address that the host has. Raises ``InvalidSettings`` where it has none, or where one of them is
    none of the public internet: who mixes them means the private one."""
    try:
        addresses = resolve(webhook.host, webhook.port)
    except (OSError, UnicodeError) as error:
        raise _refused(f"{webhook.host} is not found: {error}") from None
    if not addresses:
        raise _refused(f"{webhook.host} has no address")
    private = [each for each in addresses if not allow_private and not is_public(each)]
    if private:
        raise InvalidSettings(
            f"url: {webhook.host} leads to {private[0]}, which is no address of the public internet",
            field="url",
            hint="BACKPROP_EVO_WEBHOOK_PRIVATE_ADDRESSES=true allows it, for everybody who may make webhooks",
        )
    return addresses


def is_public(address: str) -> bool:
    """Also of an IPv4 address that is wrapped in one of IPv6."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        wrapped = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        found = wrapped if wrapped is not None else found
        # NAT64 gives every private address of IPv4 a public look.
        if isinstance(found, IPv6Address) and found.packed[:4] == bytes.fromhex("0064ff9b"):
            found = IPv4Address(found.packed[-4:])
    return found.is_global and not found.is_multicast and not found.is_reserved


def _refused(why: str) -> InvalidSettings:
    return InvalidSettings(f"url: {why}", field="url", hint="give one as https://example.org/hooks/evo")
