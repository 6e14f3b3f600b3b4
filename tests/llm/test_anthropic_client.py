"""A planned request is sent once, byte for byte, and every failure tells whether the call was paid for."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from blackboard.llm.answer_parser import parse_answer
from blackboard.llm.anthropic_client import AnthropicClient
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
from blackboard.llm.model_settings import ModelSettings
from tests.llm.conftest import KEY, Verdict
from tests.support.bounds import BOUND_SECONDS
from tests.support.fake_api_faults import Cut, Fault, Hang, Junk, Status, cut_off, over_long, refusal, window_exceeded
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
def test_retry_after_is_read_as_seconds_or_as_a_date_and_is_at_most_a_day(
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
        "import sys; from blackboard.llm.anthropic_client import AnthropicClient; AnthropicClient('k');"
        " print({'anthropic', 'httpx2'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


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
