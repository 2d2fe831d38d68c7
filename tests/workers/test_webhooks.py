"""Telling webhooks: signed, tried again, no redirect followed, no private door knocked at; against a real
receiver."""

import hashlib
import hmac
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from backprop_evo.errors import Unavailable
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from tests.stores import opened
from workers import webhooks

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Receiver(ThreadingHTTPServer):
    """Keeps what it hears; ``answers`` are statuses to give, the last one again and again."""

    def __init__(self):
        self.heard, self.answers, self.hangs_s = [], [204], 0.0
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://localhost:{self.server_port}/hooks/evo?token=1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.heard.append((self.path, dict(self.headers), body))
        time.sleep(self.server.hangs_s)
        status = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def receiver():
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store(database_url):
    yield from opened(database_url)


def sender(store, *, at=NOW, allow_private=True, **options):
    return webhooks.Sender(webhooks=store.webhooks, allow_private=allow_private, now=lambda: at, **options)


def end_one(store, url):
    """A search that ended; the webhook and its secret."""
    webhook, secret = store.webhooks.add(url, search_id=None, owner=None, now=NOW)
    search = store.searches.add(SearchSpec(name="ended ⊙"), now=NOW)
    store.searches.move(search.id, SearchState.CANCELLED, now=NOW)
    return webhook, secret


def deliveries(store, webhook):
    return store.webhooks.deliveries(webhook.id).items


def test_what_is_told_is_signed_by_the_secret_over_time_and_body(store, receiver):
    webhook, secret = end_one(store, receiver.url)
    assert sender(store).send_due() == 1
    ((path, headers, body),) = receiver.heard
    assert path == "/hooks/evo?token=1"
    assert json.loads(body)["name"] == "ended ⊙"
    stamp, digest = (part.partition("=")[2] for part in headers["Backprop-Evo-Signature"].split(","))
    # By hand, as a receiver would.
    expected = hmac.new(secret.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    assert (digest, int(stamp)) == (expected, int(NOW.timestamp()))
    (told,) = deliveries(store, webhook)
    assert (told.delivered_at, told.status, told.attempts) == (NOW, 204, 1)
    assert headers["Backprop-Evo-Delivery"] == str(told.id)
    assert headers["Backprop-Evo-Event"] == "search.cancelled"
    assert sender(store).send_due() == 0


def test_the_signature_changes_with_secret_time_and_body():
    one = webhooks.signature("s", "{}", NOW)
    others = (("t", "{}", NOW), ("s", "{ }", NOW), ("s", "{}", NOW + timedelta(seconds=1)))
    assert one not in {webhooks.signature(*each) for each in others}


def test_a_refused_delivery_is_tried_again_later_and_later(store, receiver):
    webhook, _ = end_one(store, receiver.url)
    receiver.answers = [500, 503, 200]
    pauses, at = [], NOW
    for _ in range(3):
        assert sender(store, at=at).send_due() == 1
        (told,) = deliveries(store, webhook)
        if told.delivered_at is None:
            pauses.append((told.due_at - at).total_seconds())
            assert sender(store, at=told.due_at - timedelta(seconds=1)).send_due() == 0
            at = told.due_at
    assert pauses == [10, 20]
    assert (told.attempts, told.status, told.reason) == (3, 200, None)
    assert len({headers["Backprop-Evo-Delivery"] for _, headers, _ in receiver.heard}) == 1


def test_it_is_given_up_after_some_hours(store, receiver):
    webhook, _ = end_one(store, receiver.url)
    receiver.answers, at = [404], NOW
    while (told := deliveries(store, webhook)[0]).given_up_at is None:
        at = max(at, told.due_at)
        assert sender(store, at=at).send_due() == 1
    assert (told.attempts, told.reason) == (webhooks.MAX_TRIES, "answered with status 404")
    assert timedelta(hours=4) < told.given_up_at - NOW < timedelta(hours=8)
    assert sender(store, at=at + timedelta(days=1)).send_due() == 0


def test_a_redirect_is_not_followed(store, receiver):
    webhook, _ = end_one(store, receiver.url)
    receiver.answers = [302]
    sender(store).send_due()
    assert len(receiver.heard) == 1
    (told,) = deliveries(store, webhook)
    assert (told.delivered_at, told.reason) == (None, "answered with status 302")


def test_a_private_address_is_judged_at_every_try(store, receiver):
    """A name that led elsewhere when the webhook was made."""
    webhook, _ = end_one(store, receiver.url)
    sender(store, allow_private=False).send_due()
    assert receiver.heard == []
    assert "no address of the public internet" in deliveries(store, webhook)[0].reason


def test_the_connection_goes_to_the_address_that_was_judged(store, receiver):
    """Not to the name, which nobody resolves a second time."""
    end_one(store, f"http://rebound.invalid:{receiver.server_port}/x")
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ["127.0.0.1"]

    sender(store, resolve=resolve).send_due()
    ((_, headers, _),) = receiver.heard
    assert (asked, headers["Host"]) == (["rebound.invalid"], f"rebound.invalid:{receiver.server_port}")


def test_nobody_there_is_a_reason(store, receiver):
    webhook, _ = end_one(store, "http://127.0.0.1:9/")
    sender(store).send_due()
    assert "Refused" in deliveries(store, webhook)[0].reason


def test_a_receiver_that_hangs_is_left_after_a_while_and_others_are_told(store, receiver, monkeypatch):
    monkeypatch.setattr(webhooks, "TIMEOUT_S", 0.3)
    webhook, _ = end_one(store, receiver.url)
    receiver.hangs_s = 1.0
    began = time.monotonic()
    sender(store).send_due()
    assert time.monotonic() - began < 0.9
    assert deliveries(store, webhook)[0].delivered_at is None


def test_the_thread_goes_on_after_faults_and_ends_when_told(store, receiver):
    end_one(store, receiver.url)
    inner, faults, stopping = sender(store), [Unavailable("away"), ValueError("odd")], threading.Event()

    class Faulty:
        def send_due(self):
            if faults:
                raise faults.pop(0)
            return inner.send_due()

    thread = threading.Thread(target=webhooks.run, args=(Faulty(), stopping, 0.01))
    thread.start()
    deadline = time.monotonic() + 10
    while not receiver.heard and time.monotonic() < deadline:
        time.sleep(0.01)
    stopping.set()
    thread.join(5)
    assert not thread.is_alive()
    assert len(receiver.heard) == 1
