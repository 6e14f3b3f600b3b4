"""What a client of a model can do. It decides nothing: when to send, and what follows a failure, is the daemon's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from blackboard.clock import Instant
from blackboard.errors import ModelError
from blackboard.llm.reply import Reply

__all__ = ["BatchItem", "Client"]


class BatchItem(NamedTuple):
    """One request of a batch."""

    custom_id: str
    """Ours: 1 to 64 letters, digits, `_` or `-`, unlike any other, of other boards with the same account too."""
    body: str
    """A planned request."""


class Client(Protocol):
    """Sends planned requests, each exactly once; safe to be used from several threads."""

    def send(self, body: str) -> Reply:
        """Send one planned request, byte for byte, and wait for whatever text comes back.

        Raises:
            CallFailure: no answer came; its class says whether it may have been paid for.
        """

    def submit_batch(self, items: Sequence[BatchItem]) -> str:
        """Hand in a batch for the cheap lane; the API's name for it.

        Raises:
            CallFailure: it was not taken; after `OutcomeUnknown`, `find_batch` can tell.
        """

    def find_batch(self, custom_ids: Collection[str], since: Instant) -> str | None:
        """The batch with exactly these custom ids, handed in after `since`, whose name was lost; None if there is none.

        The API shows the custom ids of a batch only when it has ended.

        Raises:
            OutcomeUnknown: one that has not ended yet may be it; ask again later.
            CallFailure: the API could not be asked.
        """

    def batch_results(self, batch_id: str) -> dict[str, Reply | ModelError] | None:
        """What came of each request of a batch, by custom id; None while it has not ended.

        Raises:
            CallFailure: the API could not be asked, or no longer has the results.
        """

    def close(self) -> None:
        """Give up the connections. What is under way ends with a failure."""
