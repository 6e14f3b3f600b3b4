"""The fixtures of the client tests: a fake API, a client for it, and a planned request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from blackboard.durations import parse_duration
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.model_request import request_text
from tests.support.bounds import BOUND_SECONDS
from tests.support.messages_api import MessagesApi

KEY = "sk-test-not-a-key"


class Verdict(BaseModel):
    """A judged lead."""

    verdict: Literal["good", "bad"]
    score: float = Field(ge=0, le=1)


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    with MessagesApi(lambda body: {"verdict": "good", "score": 0.9}) as api:
        yield api


@pytest.fixture
def connect(api: MessagesApi) -> Iterator[Callable[..., AnthropicClient]]:
    """Return a function that makes clients, by default for the fake API. They are closed with the test."""
    clients = []

    def connect(url: str | None = None, timeout: str = f"{BOUND_SECONDS}s", key: str = KEY) -> AnthropicClient:
        clients.append(AnthropicClient(key, url or api.url, parse_duration(timeout)))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Callable[..., AnthropicClient]) -> AnthropicClient:
    return connect()


@pytest.fixture
def body() -> str:
    return request_text(
        system="Judge the lead.",
        data={"lead": "Zoë, 3 shops"},
        answer=Verdict,
        model="claude-haiku-4-5",
        max_tokens=200,
    )
