"""A call ends at its deadline in every phase of a connection, and leaves nothing behind."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import httpx2
import pytest

from blackboard.llm.provider_http_client import ProviderHttpClient, ResponseTooSlow
from tests.support.raw_server import raw_server
from tests.support.threads import join_all

TLS_RECORD = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"
"""The beginning of a long first message of a server in TLS."""


def get(url: str, seconds: float = 0.3) -> httpx2.Response:
    with ProviderHttpClient(dict, seconds, 1 << 20, 1 << 20) as client:
        return client.get(url)


def test_a_handshake_of_tls_in_drops_ends_in_time() -> None:
    # On a busy machine no drop may come until the deadline, so that the handshake itself ends.
    with (
        raw_server(TLS_RECORD, drops=b"\0") as url,
        pytest.raises((httpx2.ConnectError, httpx2.ConnectTimeout)),
    ):
        get(url.replace("http:", "https:"))


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 Connection established\r\n\r\n" + TLS_RECORD])
def test_a_proxy_that_answers_in_drops_ends_in_time(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    with raw_server(head, drops=b"\0" if head else b"HTTP/1.1 100 Continue\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises((ResponseTooSlow, httpx2.ConnectError)):
            get("https://127.0.0.1:9/")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not list open files")
def test_a_call_leaves_no_connection_and_no_timer() -> None:
    with ProviderHttpClient(dict, 60.0, 1 << 20, 1 << 20) as client:
        before = len(os.listdir("/proc/self/fd"))
        with raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}") as url:
            assert client.get(url).content == b"{}"
        assert len(os.listdir("/proc/self/fd")) <= before  # the server has closed its descriptors, too
        join_all(*(thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)))
