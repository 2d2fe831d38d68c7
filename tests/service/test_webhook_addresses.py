"""Where webhooks may lead: judged by the addresses that a name has, never by the name."""

import pytest

from backprop_evo.errors import InvalidSettings
from backprop_evo.service.webhook_addresses import is_public, judged_addresses, parse_webhook

PRIVATE = (
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # the metadata of clouds
    "100.64.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8")


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_unless_allowed(address):
    webhook = parse_webhook("https://hooks.example.org/x")
    assert not is_public(address)
    with pytest.raises(InvalidSettings, match="no address of the public internet") as caught:
        judged_addresses(webhook, allow_private=False, resolve=lambda *_: ["8.8.8.8", address])
    assert "WEBHOOK_PRIVATE_ADDRESSES" in (caught.value.hint or "")
    assert judged_addresses(webhook, allow_private=True, resolve=lambda *_: [address]) == [address]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address):
    webhook = parse_webhook("http://hooks.example.org:8080/x")
    assert judged_addresses(webhook, allow_private=False, resolve=lambda *_: [address]) == [address]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1"])
def test_every_way_to_write_this_machine_is_found_by_the_system(host):
    with pytest.raises(InvalidSettings):
        judged_addresses(parse_webhook(f"http://{host}:8000/api/v1/keys"), allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/hook",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "https://",
        "https:///path",
        "https://user:secret@example.org/",
        "https://example.org@127.0.0.1/",
        "https://example.org:99999/",
        "https://[::1/",
        "https://example.org/\r\nHost: other",
        "https://example.org/ x",
        "https://exämple.org/",
        "https://example.org/\x00",
        "https://example.org/" + "a" * 2000,
    ],
)
def test_what_is_no_plain_address_is_refused(url):
    with pytest.raises(InvalidSettings) as caught:
        parse_webhook(url)
    assert caught.value.field == "url"


def test_an_address_is_taken_apart_and_shown_without_its_secret():
    webhook = parse_webhook("https://hooks.example.org:8443/T0/s3cret?token=1#fragment")
    assert (webhook.host, webhook.port, webhook.is_secure) == ("hooks.example.org", 8443, True)
    assert webhook.target == "/T0/s3cret?token=1"
    assert webhook.shown == "https://hooks.example.org:8443/…"
    assert parse_webhook("http://[2606:4700:4700::1111]").shown == "http://[2606:4700:4700::1111]/…"
    assert parse_webhook("https://example.org").target == "/"


def test_a_name_that_is_not_found_is_refused_in_words():
    def nowhere(*_):
        raise OSError("no such name")

    for resolve in (nowhere, lambda *_: []):
        with pytest.raises(InvalidSettings, match=r"hooks\.example\.org"):
            judged_addresses(
                parse_webhook("https://hooks.example.org/"), allow_private=False, resolve=resolve
            )
