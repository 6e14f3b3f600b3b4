"""A planned request is sent once, byte for byte, and every failure tells whether it was paid."""

from __future__ import annotations

import gzip
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from blackboard.errors import ConfigurationError
from blackboard.llm.call_failures import (
    CallFailure,
    KeyRefused,
    ModelUnavailable,
    NotSent,
    OutcomeUnknown,
    Overloaded,
    RequestRejected,
    SpendLimit,
    Unusable,
)
from blackboard.llm.client import AnthropicClient, client_from, describe_model
from blackboard.llm.client_protocol import BatchItem
from blackboard.llm.model_settings import ModelSettings, sends_key_in_clear
from blackboard.llm.reply import parse_answer
from tests.llm.conftest import KEY, Verdict
from tests.support.bounds import BOUND_SECONDS
from tests.support.faults import Cut, Fault, Hang, Junk, Status, cut_off, over_long, refusal, window_exceeded
from tests.support.messages_api import MessagesApi
from tests.support.raw_server import raw_server


def test_an_answer_is_returned_raw_with_its_metadata(api: MessagesApi, client: AnthropicClient, body: str) -> None:
    reply = client.send(body)
    assert parse_answer(reply.raw, Verdict) == Verdict(verdict="good", score=0.9)
    assert reply.request_id == "req_000001"
    assert (reply.model, reply.stop_reason) == ("claude-haiku-4-5", "end_turn")
    assert reply.usage is not None
    assert reply.usage.input == api.usage.input_tokens > 0
    assert reply.usage.output == api.usage.output_tokens > 0


def test_a_request_and_its_retry_send_the_planned_bytes(api: MessagesApi, client: AnthropicClient, body: str) -> None:
    api.queue(Status(529), Cut())
    for failure in (Overloaded, OutcomeUnknown):
        with pytest.raises(failure):
            client.send(body)
    client.send(body)
    assert api.bodies == [body.encode("utf-8")] * 3
    assert api.calls[0].headers["content-type"] == "application/json"
    assert api.calls[0].key == KEY


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Status(400), RequestRejected),
        (Status(404), ModelUnavailable),
        (Status(403, body="<html>Forbidden</html>"), RequestRejected),
        (Status(405), ModelUnavailable),
        (Status(511, body="<html>Log in</html>"), ModelUnavailable),
        (Status(413), RequestRejected),
        (Status(422), RequestRejected),
        (Status(422, body='{"error": {"type": ["odd"], "message": 1}}'), RequestRejected),
        (Status(307, {"location": "/v1/elsewhere"}), ModelUnavailable),
        (Junk("<!doctype html><p>Please log in"), ModelUnavailable),
        (Junk('{"type": "error", "error": {"type": "overloaded_error", "message": "x"}}'), Overloaded),
        (Junk('{"type": "error", "error": {"type": "authentication_error", "message": "x"}}'), KeyRefused),
        (Status(401), KeyRefused),
        (Status(403), KeyRefused),
        (Status(402), SpendLimit),
        (Status(429, code="enforced_spend_limit_reached"), SpendLimit),
        (Status(400, message="Your credit balance is too low to access the API."), SpendLimit),
        (Status(429), Overloaded),
        (Status(500), Overloaded),
        (Status(503, body="<html>Service Unavailable</html>"), Overloaded),
        (Status(504), Overloaded),
        (Status(529), Overloaded),
        (Status(502, body="<html>Bad Gateway</html>"), OutcomeUnknown),
        (Status(504, body="<html>Gateway Timeout</html>"), OutcomeUnknown),
        (Status(408), OutcomeUnknown),
        (Cut(0), OutcomeUnknown),
        (Cut(40), OutcomeUnknown),
    ],
    ids=str,
)
def test_each_failure_has_its_class_and_is_not_retried(
    api: MessagesApi, client: AnthropicClient, body: str, fault: Fault, failure: type[CallFailure]
) -> None:
    api.queue(fault)
    with pytest.raises(failure) as raised:
        client.send(body)
    assert type(raised.value) is failure
    assert len(api.calls) == 1
    if isinstance(fault, Status):
        assert raised.value.request_id == "req_000001"
        assert api.paid == 0


def test_a_silent_api_is_an_unknown_outcome_after_one_request(
    api: MessagesApi, connect: Callable[..., AnthropicClient], body: str
) -> None:
    api.queue(hang := Hang())
    with pytest.raises(OutcomeUnknown):
        connect(timeout="3s").send(body)  # more than a busy machine needs to take the request
    assert hang.is_paid.wait(BOUND_SECONDS)
    hang.release.set()
    assert (len(api.calls), api.paid) == (1, 1)


def test_a_request_to_a_closed_port_was_not_sent(connect: Callable[..., AnthropicClient], body: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(NotSent, match="cannot be reached"):
            connect(f"http://127.0.0.1:{unused.getsockname()[1]}").send(body)


def test_a_closed_client_sends_nothing(api: MessagesApi, client: AnthropicClient, body: str) -> None:
    client.close()
    with pytest.raises(NotSent):
        client.send(body)
    assert not api.calls


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Mon, 05 Jan 2026 09:01:30 GMT"}, 90.0),
        ({"retry-after": "Mon, 05 Jan 2026 08:00:00 GMT"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "7200"}, 7200.0),
        ({"retry-after": "999999999"}, 86_400.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_and_never_beyond_an_hour(
    api: MessagesApi, client: AnthropicClient, body: str, headers: dict[str, str], seconds: float | None
) -> None:
    api.queue(Status(429, headers))
    with pytest.raises(Overloaded) as raised:
        client.send(body)
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Junk("OK"), "no_message"),
        (Junk("{"), "no_message"),
        (Junk(""), "no_message"),
        (refusal(), "refusal"),
        (cut_off(), "max_tokens"),
        (window_exceeded(), "context_window"),
        (over_long(), "mismatch"),
    ],
    ids=["text", "half", "empty", "refusal", "max_tokens", "window", "over-long"],
)
def test_an_unusable_paid_answer_is_returned_raw(
    api: MessagesApi, client: AnthropicClient, body: str, fault: Fault, reason: str
) -> None:
    api.queue(fault)
    reply = client.send(body)
    assert api.paid == 1
    assert (reply.usage is None) == isinstance(fault, Junk)
    with pytest.raises(Unusable) as raised:
        parse_answer(reply.raw, Verdict)
    assert raised.value.reason == reason
    assert len(str(raised.value)) < 1000


def test_an_answer_longer_than_max_tokens_is_cut_off_by_the_api(
    api: MessagesApi, connect: Callable[..., AnthropicClient], body: str
) -> None:
    api.responder = lambda body: {"verdict": "good " * 500, "score": 1}
    with pytest.raises(Unusable) as raised:
        parse_answer(connect().send(body).raw, Verdict)
    assert raised.value.reason == "max_tokens"


def test_many_threads_share_one_client(api: MessagesApi, client: AnthropicClient, body: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(client.send, [body] * 40))
    assert len({reply.request_id for reply in replies}) == 40
    assert api.paid == 40


def test_closing_a_client_ends_a_pending_call(api: MessagesApi, client: AnthropicClient, body: str) -> None:
    api.queue(hang := Hang())
    ended = []

    def send() -> None:
        try:
            client.send(body)
        except (OutcomeUnknown, NotSent) as failure:
            ended.append(failure)

    thread = threading.Thread(target=send)
    thread.start()
    assert api.wait_for_calls(1)
    client.close()
    hang.release.set()
    thread.join(BOUND_SECONDS)
    assert not thread.is_alive()


def test_the_key_is_shown_nowhere(
    api: MessagesApi, client: AnthropicClient, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.queue(Status(401, message=f"the key {KEY} is wrong"), Cut(0))
    shown = [repr(client), str(vars(ModelSettings()))]
    for _ in range(2):
        with pytest.raises((KeyRefused, OutcomeUnknown)) as raised:
            client.send(body)
        shown.append(str(raised.value))
    assert KEY not in "".join(shown) + caplog.text
    assert "***" in shown[2]


def test_a_key_in_an_error_with_status_200_is_hidden(api: MessagesApi, client: AnthropicClient, body: str) -> None:
    form = {"type": "error", "error": {"type": "authentication_error", "message": f"the key {KEY} is wrong"}}
    api.queue(Junk(json.dumps(form)), Junk('{"type": "error", "error": {"type": {}}}'))
    with pytest.raises(KeyRefused) as raised:
        client.send(body)
    assert KEY not in str(raised.value)
    assert not client.send(body).is_message


def test_importing_the_package_does_not_import_the_sdk() -> None:
    code = (
        "import sys; from blackboard.llm.client import AnthropicClient; AnthropicClient('k');"
        " print({'anthropic', 'httpx2'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


class TestClientFrom:
    def test_only_a_setting_lets_the_offline_rules_answer(self) -> None:
        assert client_from(ModelSettings(provider="offline"), {"ANTHROPIC_API_KEY": KEY}) is None
        assert client_from(ModelSettings(), {}) is not None
        assert ModelSettings().provider == "anthropic"

    @pytest.mark.parametrize("environ", [{}, {"ANTHROPIC_API_KEY": "  "}, {"ANTHROPIC_API_KEY_FILE": ""}])
    def test_without_a_key_every_call_is_refused(self, environ: dict[str, str], body: str) -> None:
        client = client_from(ModelSettings(), environ)
        assert client is not None
        for call in (
            lambda: client.send(body),
            lambda: client.submit_batch([BatchItem("blackboard-1", body)]),
            lambda: client.find_batch([], 0),
            lambda: client.batch_results("batch"),
        ):
            with pytest.raises(KeyRefused, match="ANTHROPIC_API_KEY"):
                call()
        client.close()

    @pytest.mark.parametrize(
        ("settings", "environ", "words"),
        [
            ({"provider": "offline"}, {"ANTHROPIC_API_KEY": KEY}, "offline rules"),
            ({}, {"ANTHROPIC_API_KEY": KEY}, "anthropic, claude-haiku-5-5"),
            ({"model": "claude-opus-5"}, {}, "anthropic, claude-opus-5, but there is no key"),
            (
                {"base_url": "http://ada:secret@gateway.test:8080/v1"},
                {"ANTHROPIC_API_KEY": KEY},
                "anthropic, claude-haiku-5-5, at gateway.test:8080",
            ),
        ],
    )
    def test_a_description_says_who_answers(
        self, settings: dict[str, Any], environ: dict[str, str], words: str
    ) -> None:
        model = ModelSettings(**settings)
        assert describe_model(model, client_from(model, environ)) == words

    @pytest.mark.parametrize(
        ("address", "in_clear"),
        [
            ("http://gateway.test", True),
            ("HTTP://10.0.0.7:8080/v1", True),
            ("http://localhost.gateway.test", True),
            ("https://gateway.test", False),
            ("http://127.0.0.1:8080", False),
            ("http://127.8.9.1", False),
            ("http://[::1]:8080", False),
            ("http://localhost/v1", False),
        ],
    )
    def test_a_key_in_clear_is_noticed_in_settings_and_environment(self, address: str, in_clear: bool) -> None:
        assert (sends_key_in_clear(ModelSettings(), {"ANTHROPIC_BASE_URL": address}) is not None) == in_clear
        if address.islower():
            assert (sends_key_in_clear(ModelSettings(base_url=address), {}) is not None) == in_clear
            assert sends_key_in_clear(ModelSettings(base_url=address, provider="offline"), {}) is None

    @pytest.mark.parametrize(
        "address",
        [
            *("http://", "https://host:port", "http://host:99999", "ftp://host", "http://:80", "host:80", "http://[::"),
            *("http://host/?team=a", "http://host/#part", "http://a host", "http://host/\nx: y"),
        ],
    )
    def test_an_address_that_cannot_be_used_is_a_mistake(self, address: str) -> None:
        with pytest.raises(ValidationError):
            ModelSettings(base_url=address)
        environ = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": address}
        for use in (client_from, sends_key_in_clear):
            with pytest.raises(ConfigurationError, match="ANTHROPIC_BASE_URL"):
                use(ModelSettings(), environ)
        assert client_from(ModelSettings(provider="offline"), environ) is None

    def test_the_password_of_an_address_is_sent_and_not_shown(self, api: MessagesApi, body: str) -> None:
        address = api.url.replace("//", "//ada:secret@")
        client = AnthropicClient(KEY, address)
        client.send(body)
        assert "authorization" in api.calls[0].headers
        lost = AnthropicClient(KEY, "http://ada:secret@127.0.0.1:1/gateway")
        with pytest.raises(NotSent, match=r"http://127\.0\.0\.1:1/gateway cannot be reached") as raised:
            lost.send(body)
        in_clear = sends_key_in_clear(ModelSettings(base_url="http://ada:secret@gateway.test"), {})
        assert "secret" not in f"{raised.value} {raised.value.shown} {client!r} {client.host} {in_clear}"
        for each in (client, lost):
            each.close()

    def test_the_key_may_be_in_a_file(self, tmp_path: Path, api: MessagesApi, body: str) -> None:
        (tmp_path / "key").write_text(f"{KEY}\n")
        environ = {"ANTHROPIC_API_KEY_FILE": str(tmp_path / "key"), "ANTHROPIC_BASE_URL": api.url}
        client = client_from(ModelSettings(), environ)
        assert client is not None
        client.send(body)
        client.close()
        assert api.calls[0].key == KEY

    def test_each_call_uses_the_key_that_the_file_has_then(self, tmp_path: Path, api: MessagesApi, body: str) -> None:
        file, model = tmp_path / "key", ModelSettings()
        file.write_text("sk-first")
        client = client_from(model, {"ANTHROPIC_API_KEY_FILE": str(file), "ANTHROPIC_BASE_URL": api.url})
        assert client is not None
        api.key = "sk-second"
        with pytest.raises(KeyRefused, match="refused the key"):
            client.send(body)
        file.write_text("sk-second")
        client.send(body)
        file.unlink()
        for call in (lambda: client.send(body), lambda: client.batch_results("batch")):
            with pytest.raises(KeyRefused, match="cannot be read: No such file"):
                call()
        assert describe_model(model, client).endswith("but there is no key")
        api.key = "sk-third"
        file.write_text(api.key)
        api.queue(Status(400, message="your keys sk-first, sk-second and sk-third"))
        with pytest.raises(RequestRejected, match=r"your keys \*\*\*, \*\*\* and \*\*\*"):
            client.send(body)
        assert "no key" not in describe_model(model, client)
        client.close()

    @pytest.mark.parametrize("content", [b"", b"two words", b"caf\xc3\xa9", b"\xff\xfe"])
    def test_a_file_without_a_key_is_refused_and_not_shown(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "key").write_bytes(content)
        with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY_FILE") as raised:
            client_from(ModelSettings(), {"ANTHROPIC_API_KEY_FILE": str(tmp_path / "key")})
        assert "two words" not in str(raised.value)

    def test_a_missing_file_is_reported(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="cannot be read"):
            client_from(ModelSettings(), {"ANTHROPIC_API_KEY_FILE": str(tmp_path / "none")})


class TestAddress:
    @pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/messages"])
    def test_the_path_of_the_api_may_be_part_of_the_address(
        self, api: MessagesApi, connect: Callable[..., AnthropicClient], body: str, path: str
    ) -> None:
        connect(api.url + path).send(body)
        assert [call.path for call in api.calls] == ["/v1/messages"]

    def test_the_path_of_a_gateway_is_kept(self) -> None:
        assert repr(AnthropicClient(KEY, "https://gateway.test/anthropic/v1/")) == (
            "AnthropicClient('https://gateway.test/anthropic')"
        )


class TestEnvironment:
    """Variables that other tools use change neither what is sent nor what is logged."""

    def test_headers_of_other_tools_are_not_sent(
        self, api: MessagesApi, client: AnthropicClient, body: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        headers = ["x-team: secret", "anthropic-beta: other", "X-Api-Key: another", "Host: elsewhere", "cookie: a=b"]
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "\n".join(headers))
        monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "a-token")
        client.send(body)
        [call] = api.calls
        assert call.key == KEY
        assert call.headers.keys() == {
            *("host", "accept", "accept-encoding", "connection", "user-agent", "content-length", "content-type"),
            *("x-api-key", "anthropic-version"),
        }
        assert call.headers["host"] in api.url

    @pytest.mark.parametrize("level", ["debug", "info"])
    def test_no_debug_variable_logs_a_payload(self, api: MessagesApi, body: str, level: str) -> None:
        code = (
            "import sys; from blackboard.llm.client import AnthropicClient;"
            f" client = AnthropicClient({KEY!r}, {api.url!r}); client.send({body!r}); client.close()"
        )
        environ = {**os.environ, "ANTHROPIC_LOG": level, "HTTPX_LOG_LEVEL": "trace"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
        assert done.stdout + done.stderr == ""
        assert api.paid == 1

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("HTTP_PROXY", "nonsense://127.0.0.1:1"),
            ("ALL_PROXY", "http://127.0.0.1:not-a-port"),
            ("all_proxy", "socks5://ada:secret@127.0.0.1:1"),
            ("HTTP_PROXY", "http://ada:se/secret@127.0.0.1:1"),
            ("HTTPS_PROXY", "ada:my:secret@127.0.0.1:1"),
            ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
            ("ANTHROPIC_CUSTOM_HEADERS", "x-note: \u2603"),
        ],
    )
    def test_a_variable_that_cannot_be_used_means_not_sent_or_is_ignored(
        self,
        api: MessagesApi,
        client: AnthropicClient,
        body: str,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        value: str,
    ) -> None:
        monkeypatch.setenv(name, value)
        failures = []
        try:
            client.send(body)
        except NotSent as failure:
            failures.append(str(failure))
        assert len(failures) + len(api.calls) == 1
        assert KEY not in "".join(failures)
        assert all(f"the environment sets {name.upper()}" in failure for failure in failures)
        assert "secret" not in "".join(failures)
        monkeypatch.delenv(name)
        client.send(body)  # the client recovers by itself
        assert api.calls

    def test_a_proxy_that_cannot_be_reached_is_named_without_its_password(
        self, client: AnthropicClient, body: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://ada:secret@127.0.0.1:1")
        with pytest.raises(NotSent, match="the environment sets HTTP_PROXY") as raised:
            client.send(body)
        assert "secret" not in str(raised.value)


class TestLimits:
    def test_an_answer_that_is_compressed_to_a_thousandth_is_not_read_to_its_end(
        self, connect: Callable[..., AnthropicClient], body: str
    ) -> None:
        zeros = gzip.compress(b"\0" * 100_000_000)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n"
        with raw_server(head + b"content-length: %d\r\n\r\n" % len(zeros) + zeros) as url:
            tracemalloc.start()
            with pytest.raises(OutcomeUnknown, match="more than 33,554,432 bytes"):
                connect(url).send(body)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 120_000_000

    def test_a_compressed_answer_is_read(
        self, api: MessagesApi, connect: Callable[..., AnthropicClient], body: str
    ) -> None:
        text = gzip.compress(b'{"content": [], "usage": {"input_tokens": 1, "output_tokens": 2}}')
        head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"
        with raw_server(head + b"content-length: %d\r\n\r\n" % len(text) + text) as url:
            assert connect(url).send(body).usage is not None

    @pytest.mark.parametrize(
        ("head", "drop"),
        [
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
            (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
            (b"HTTP/1.1 200 OK\r\nx-long: ", b"y"),
            (b"HTTP/1.1 ", b"2"),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ],
        ids=["chunked content", "content without a length", "header", "status", "interim answers"],
    )
    def test_an_answer_in_drops_ends_in_time(
        self, connect: Callable[..., AnthropicClient], body: str, head: bytes, drop: bytes
    ) -> None:
        with raw_server(head, drops=drop) as url, pytest.raises(OutcomeUnknown, match="not complete after"):
            connect(url, timeout="300ms").send(body)

    def test_a_compressed_answer_within_a_compressed_answer_is_not_read(
        self, connect: Callable[..., AnthropicClient], body: str
    ) -> None:
        zeros = gzip.compress(gzip.compress(b"\0" * 1_000_000))
        head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip, gzip\r\n"
        with (
            raw_server(head + b"content-length: %d\r\n\r\n" % len(zeros) + zeros) as url,
            pytest.raises(OutcomeUnknown, match="not asked for"),
        ):
            connect(url).send(body)

    @pytest.mark.parametrize("content", [gzip.compress(b'{"content": []}')[:-9], b"no gzip"], ids=["cut", "other"])
    def test_a_broken_compressed_answer_has_an_unknown_outcome_unless_its_status_says_more(
        self, connect: Callable[..., AnthropicClient], body: str, content: bytes
    ) -> None:
        for status, failure in ((b"200 OK", OutcomeUnknown), (b"529 Overloaded", Overloaded)):
            head = b"HTTP/1.1 " + status + b"\r\ncontent-encoding: gzip\r\n"
            with (
                raw_server(head + b"content-length: %d\r\n\r\n" % len(content) + content) as url,
                pytest.raises(failure),
            ):
                connect(url).send(body)

    def test_an_error_without_an_end_is_known_by_its_status(
        self, connect: Callable[..., AnthropicClient], body: str
    ) -> None:
        head = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 9\r\ntransfer-encoding: chunked\r\n\r\n"
        with raw_server(head, drops=b"1\r\n \r\n") as url, pytest.raises(Overloaded) as raised:
            connect(url, timeout="2s").send(body)  # more than a busy machine needs to send the status
        assert raised.value.retry_after == 9
