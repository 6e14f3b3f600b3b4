"""The interface of a model's client. The daemon decides when to send and how to react to a failure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from blackboard.clock import Instant
from blackboard.errors import ModelError
from blackboard.llm.answer_parser import Reply


class BatchItem(NamedTuple):
    """One request of a batch."""

    custom_id: str
    """1 to 64 letters, digits, `_` or `-`; unique among all boards that use the same account."""
    body: str
    """A planned request."""


class ModelClient(Protocol):
    """A client that sends planned requests, each exactly once. Thread-safe."""

    def send(self, body: str) -> Reply:
        """Send one planned request, byte for byte, and return the answer, even if it cannot be parsed.

        Raises:
            CallFailure: No answer arrived. The class says whether the call may have been paid for.
        """

    def submit_batch(self, items: Sequence[BatchItem]) -> str:
        """Submit a batch and return its id.

        Raises:
            CallFailure: The API did not accept the batch. After `OutcomeUnknown`, `find_batch` tells whether it did.
        """

    def find_batch(self, custom_ids: Collection[str], since: Instant) -> str | None:
        """Return the id of the batch with exactly these custom ids, submitted after `since`; None if there is none.

        The API shows the custom ids of a batch only after its end.

        Raises:
            OutcomeUnknown: The lost batch may not have ended yet; ask again later.
            CallFailure: The API did not answer.
        """

    def batch_results(self, batch_id: str) -> dict[str, Reply | ModelError] | None:
        """Return the result of each request of a batch, by custom id; None until the batch has ended.

        Raises:
            CallFailure: The API did not answer, or no longer has the results.
        """

    def close(self) -> None:
        """Close the connections. Pending calls end with a failure."""
