"""A client of the fake API whose batches end after a few requests for results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from blackboard.clock import microseconds_in
from blackboard.errors import ModelError
from blackboard.llm.answer_parser import Reply
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.model_client import BatchItem
from tests.support.bounds import BOUND_SECONDS
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import KEY

__all__ = ["BatchEndsLater"]

T = TypeVar("T")


class BatchEndsLater:
    """A client whose batches end after a few requests for results; `on_results` is called before each request."""

    def __init__(
        self, api: MessagesApi, looks: int = 2, outcome: Callable[[str], dict[str, Any] | None] = lambda custom_id: None
    ) -> None:
        self.api, self.looks, self.outcome = api, looks, outcome
        self.inner = AnthropicClient(KEY, api.url, microseconds_in(BOUND_SECONDS))
        self.asked = 0
        self.on_results: Callable[[], None] = lambda: None

    def send(self, body: str) -> Reply:
        return self.inner.send(body)

    def submit_batch(self, items: Sequence[BatchItem]) -> str:
        return self.inner.submit_batch(items)

    def find_batch(self, custom_ids: Collection[str], since: int) -> str | None:
        return self._ended(lambda: self.inner.find_batch(custom_ids, since))

    def batch_results(self, batch_id: str) -> dict[str, Reply | ModelError] | None:
        self.on_results()
        return self._ended(lambda: self.inner.batch_results(batch_id))

    def _ended(self, ask: Callable[[], T]) -> T:
        self.asked += 1
        if self.asked % (self.looks + 1) == 0:
            self.api.end_batches(self.outcome)
        return ask()

    def close(self) -> None:
        self.inner.close()
