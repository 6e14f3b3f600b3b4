"""The HTTP library has the private parts that the deadline of a call needs, in the form that it needs."""

from __future__ import annotations

import inspect

import httpcore2
import httpx2
import pytest

from blackboard.llm.call_deadline import DeadlineBackend, _DeadlineStream
from blackboard.llm.http_client import HttpClient


def opened(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[httpx2.HTTPTransport]:
    """Return the transports of a client that was made under these variables of the environment."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with HttpClient(dict, 1.0, 1 << 20, 1 << 20) as client:
        transports = [client._transport, *client._mounts.values()]
        return [transport for transport in transports if isinstance(transport, httpx2.HTTPTransport)]


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"])
def test_each_connection_of_a_client_observes_the_deadline(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    transports = opened(monkeypatch, HTTPS_PROXY=proxy)
    assert len(transports) == (2 if proxy else 1)
    for transport in transports:
        assert isinstance(transport._pool._network_backend, DeadlineBackend)


def test_a_library_without_this_part_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx2.HTTPTransport, "_pool", object(), raising=False)
    monkeypatch.setattr(httpx2.HTTPTransport, "__init__", lambda self, **_: None)
    with pytest.raises(RuntimeError, match="this version of httpx2 is not supported"):
        HttpClient(dict, 1.0, 1 << 20, 1 << 20)


def test_the_deadline_covers_whatever_the_library_calls() -> None:
    expected = inspect.signature(httpcore2.SyncBackend.connect_tcp).parameters
    assert inspect.signature(DeadlineBackend.connect_tcp).parameters.keys() == expected.keys()
    methods = {name for name in vars(httpcore2.NetworkStream) if not name.startswith("_")}
    assert methods <= vars(_DeadlineStream).keys()
