"""Tells webhooks what they are to hear: a thread beside the controller, so that no receiver, however slow,
holds up a search.

What is due is taken from SQL and noted there after each try; a sender that dies loses nothing, and any number
of controllers share the work. A receiver may hear a message twice, and knows it by ``Backprop-Evo-Delivery``.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from typing_extensions import override

from backprop_evo.errors import InvalidSettings, Unavailable
from backprop_evo.records.callers import DueDelivery
from backprop_evo.service import utc_now
from backprop_evo.service.webhook_addresses import (
    Resolve,
    WebhookAddress,
    judged_addresses,
    look_up,
    parse_webhook,
)
from backprop_evo.store.webhooks_base import Webhooks

log = structlog.get_logger(__name__)

#: Of one answer, from the connection to the end of its headers: a receiver stores and answers.
TIMEOUT_S = 10.0

#: Seconds from a try to the next: 10 s, doubled each time, an hour at most.
FIRST_PAUSE_S, MAX_PAUSE_S = 10.0, 3600.0

#: With these pauses the last try is about five hours after the first.
MAX_TRIES = 13

#: A receiver that hangs holds up one of so many; the others are told.
AT_ONCE = 4

#: Longer than every try of a batch can take together: until then nobody else takes it.
HOLD_S = 120.0
POLL_S = 1.0


class _ToAddress(http.client.HTTPConnection):
    """Connects to an address that was judged, whatever the name leads to now."""

    def __init__(self, webhook: WebhookAddress, address: str) -> None:
        super().__init__(webhook.host, webhook.port, timeout=TIMEOUT_S)
        self._address = address
        self._is_secure = webhook.is_secure

    @override
    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), TIMEOUT_S)
        try:
            self.sock = self._secured(plain)
        except BaseException:
            plain.close()
            raise

    def _secured(self, plain: socket.socket) -> socket.socket:
        context = ssl.create_default_context()
        return context.wrap_socket(plain, server_hostname=self.host) if self._is_secure else plain


def signature(secret: str, body: str, at: datetime) -> str:
    """``t=<seconds>,v1=<hex>``: with the time in it, an old message cannot be sent again as a new one."""
    seconds = int(at.timestamp())
    told = f"{seconds}.{body}".encode()
    return f"t={seconds},v1={hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()}"


def post(webhook: WebhookAddress, address: str, body: str, headers: dict[str, str]) -> int:
    """The status of the answer; its body is not read, and no redirect followed. Raises ``OSError`` and
    ``http.client.HTTPException``."""
    connection = _ToAddress(webhook, address)
    # The limit of each read alone would let an answer that drips last for hours.
    overdue = threading.Timer(TIMEOUT_S, lambda: _hang_up(connection))
    overdue.daemon = True
    try:
        overdue.start()
        connection.request("POST", webhook.target, body.encode(), headers)
        return connection.getresponse().status
    finally:
        overdue.cancel()
        connection.close()


def _hang_up(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Takes what is due and tries it once."""

    webhooks: Webhooks
    allow_private: bool
    now: Callable[[], datetime] = utc_now
    resolve: Resolve = field(default=look_up)

    def send_due(self) -> int:
        """How many were tried. Raises ``Unavailable`` when the database is away."""
        due = self.webhooks.take_due(now=self.now(), hold_s=HOLD_S, limit=AT_ONCE * 4)
        if due:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(self._send, due))
        return len(due)

    def _send(self, delivery: DueDelivery) -> None:
        status, reason = self._try(delivery)
        tries = delivery.attempts + 1
        pause_s = min(MAX_PAUSE_S, FIRST_PAUSE_S * 2**delivery.attempts)
        again_at = None if tries >= MAX_TRIES else self.now() + timedelta(seconds=pause_s)
        self.webhooks.note_delivery(
            delivery.id, status=status, reason=reason, again_at=again_at, now=self.now()
        )
        log.info("webhook told", delivery=delivery.id, status=status, reason=reason, tries=tries)

    def _try(self, delivery: DueDelivery) -> tuple[int | None, str | None]:
        """The status, and why it is not delivered."""
        try:
            webhook = parse_webhook(delivery.url)
            # Judged anew at each try: what a name leads to changes.
            address = judged_addresses(webhook, allow_private=self.allow_private, resolve=self.resolve)[0]
            status = post(webhook, address, delivery.body, self._headers(delivery))
        except InvalidSettings as error:
            return None, error.message[:500]
        except (OSError, http.client.HTTPException) as error:
            return None, f"{type(error).__name__}: {error}"[:500]
        return status, None if 200 <= status < 300 else f"answered with status {status}"

    def _headers(self, delivery: DueDelivery) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "User-Agent": "backprop-evo",
            "Backprop-Evo-Event": delivery.event,
            "Backprop-Evo-Delivery": str(delivery.id),
            "Backprop-Evo-Signature": signature(delivery.secret, delivery.body, self.now()),
        }


def run(sender: Sender, stopping: threading.Event, poll_s: float = POLL_S) -> None:
    """Send until ``stopping`` is set, with longer pauses while the database is away."""
    pause_s = poll_s
    while not stopping.wait(pause_s):
        try:
            pause_s = 0.0 if sender.send_due() else poll_s
        except Unavailable:
            pause_s = min(60.0, max(poll_s, pause_s * 2))
        except Exception:
            # Whatever it is, the next end of a search is told of.
            pause_s = min(60.0, max(poll_s, pause_s * 2))
            log.exception("fault while telling webhooks", again_in_s=pause_s)


def start(sender: Sender, stopping: threading.Event) -> threading.Thread:
    """In a thread that keeps no process from ending."""
    thread = threading.Thread(target=run, args=(sender, stopping), name="webhooks", daemon=True)
    thread.start()
    return thread
