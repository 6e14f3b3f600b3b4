"""Requests to webhooks: where they may go, what a response means, and signatures that another library verifies."""

from __future__ import annotations

import socket
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from blackboard.errors import MissingPackage
from blackboard.system import outbound_addresses
from blackboard.system.outbound_addresses import AddressRefused, HostUnreachable, is_public, parse_networks
from blackboard.system.webhook_requests import (
    Endpoint,
    RequestFailed,
    WebhookResponse,
    check_secret,
    post,
    signature_headers,
)
from tests.support.raw_server import raw_server
from tests.support.webhook_receiver import Reply, receive

HERE = parse_networks(["127.0.0.1"])
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "QUJD" * 8
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRIVATE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "192.168.1.1",
    "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "fe80::1", "fec0::1", "fd00::1", "ff02::1", "64:ff9b:1::1", "2001:db8::1",
]  # fmt: skip
HIDDEN = [
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2002:a9fe:a9fe::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip
"""Addresses of IPv6 that lead to a private address of IPv4."""
SPELLINGS = ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "[::1]", "[::ffff:7f00:1]", "localhost"]


def send(url: str, private: tuple[Any, ...] = HERE, **options: Any) -> WebhookResponse:
    return post(Endpoint.parse(url), b"{}", {"Content-Type": "application/json"}, private, **options)


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_of_this_machine_or_its_networks_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "2606:4700::1111"])
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("host", [*SPELLINGS, *PRIVATE[:13], *(f"[{text}]" for text in PRIVATE[13:] + HIDDEN)])
def test_private_addresses_are_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(AddressRefused):
        send(f"https://{host}/", ())


def test_a_name_is_judged_by_its_address_and_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of names that answers a public address first and a private one then gains nothing."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    connected: list[str] = []

    def resolve(host: str, port: int, **_: object) -> list[Any]:
        return [(None, None, None, "", (address, port)) for address in answers.pop(0)]

    def open_connection(address: tuple[str, int], seconds: float) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", open_connection)
    with pytest.raises(HostUnreachable):
        send("https://rebinding.example/", ())
    with pytest.raises(AddressRefused):
        send("https://rebinding.example/", ())
    assert connected == ["93.184.216.34"]


def test_the_addresses_of_a_name_that_are_private_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [ip_address("10.0.0.1"), ip_address("127.0.0.1")]
    monkeypatch.setattr(outbound_addresses, "addresses_of", lambda host, port: found)
    with receive() as receiver:
        port = receiver.url.partition("127.0.0.1:")[2]
        assert send(f"http://two.example:{port}").status == 200


def test_without_tls_only_a_named_network_is_reached() -> None:
    with pytest.raises(AddressRefused, match="without TLS"):
        send("http://93.184.216.34/", ())
    with receive() as receiver:
        assert send(receiver.url).status == 200
        with pytest.raises(AddressRefused):
            send(receiver.url, parse_networks(["10.0.0.0/8"]))
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "example.org", "https://", "https://user:s3cret@example.org/", "https://a\\@127.0.0.1/",
        "https://example.org:99999/", "https://exa mple.org/", "https://ex\nample.org/", "https://exämple.org/",
        "https://[::1/", "",
    ],
)  # fmt: skip
def test_what_is_not_an_address_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|not a URL") as caught:
        Endpoint.parse(url)
    assert "s3cret" not in str(caught.value)


def test_a_redirect_is_a_response_and_not_followed() -> None:
    with receive(Reply(307, {"Location": "/elsewhere"})) as receiver:
        response = send(receiver.url)
    assert (response.status, response.is_success, len(receiver.requests)) == (307, False, 1)


def test_the_request_names_its_host_and_takes_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with receive(Reply(200, body=b"[1]")) as receiver:
        response = send(receiver.url + "?a=b", max_content_bytes=10)
    request = receiver.requests[0]
    assert response.content == b"[1]"
    assert (request.path, request.headers["host"]) == ("/hook?a=b", receiver.url.split("/")[2])


def test_a_response_has_a_largest_size_and_a_longest_time() -> None:
    with receive(Reply(200, body=b"x" * 11)) as receiver, pytest.raises(RequestFailed, match="more than 10 bytes"):
        send(receiver.url, max_content_bytes=10)
    with raw_server(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n") as url, pytest.raises(RequestFailed):
        send(url, seconds=0.2)
    with raw_server(b"", b"H") as url, pytest.raises(RequestFailed, match=r"within 0\.2 s"):
        send(url, seconds=0.2)
    with raw_server(b"SMTP ready\r\n") as url, pytest.raises(RequestFailed, match="gave no answer"):
        send(url)


def test_a_receiver_says_when_to_come_again() -> None:
    def wait(text: str) -> timedelta | None:
        return WebhookResponse(503, {"retry-after": text}, b"").retry_after(NOW)

    assert wait("120") == timedelta(minutes=2)
    assert wait("Sun, 01 Mar 2026 12:05:00 GMT") == timedelta(minutes=5)
    assert wait("Sun, 01 Mar 2026 11:00:00 GMT") == timedelta()
    assert wait("9" * 40) == timedelta(days=1)
    assert [wait(text) for text in ("", "soon", "-1", "²")] == [None] * 4


def test_without_the_extra_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "standardwebhooks", None)
    with pytest.raises(MissingPackage, match=r"pip install -c constraints\.txt '\.\[webhooks\]'"):
        signature_headers(SECRET, "msg_1", NOW, b"{}")


def test_another_library_verifies_a_signature() -> None:
    webhooks = pytest.importorskip("standardwebhooks")
    body = '{"a": "ä"}'.encode()
    headers = signature_headers(f"{SECRET} {OTHER}", "msg_1", datetime.now(UTC), body)  # noqa: TID251
    for secret in (SECRET, OTHER):
        assert webhooks.Webhook(secret).verify(body, headers) == {"a": "ä"}
    with pytest.raises(webhooks.WebhookVerificationError):
        webhooks.Webhook(SECRET).verify(body + b" ", headers)
    with pytest.raises(webhooks.WebhookVerificationError):
        webhooks.Webhook(SECRET).verify(body, {**headers, "webhook-id": "msg_2"})


@pytest.mark.parametrize("secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_%%%"])
def test_what_is_not_a_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 random bytes") as caught:
        check_secret(secret)
    assert len(secret) < 8 or secret not in str(caught.value)


def test_secrets_are_two_while_one_replaces_the_other() -> None:
    check_secret(SECRET)
    check_secret(f"{SECRET} {OTHER}")
