"""The client where a key is missing: it refuses every call, as the API refuses a wrong key.

So a lost key holds the calls back until a person looks. Offline rules answer only where a person asked for them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from blackboard.clock import Instant
from blackboard.errors import ModelError
from blackboard.llm.client_protocol import BatchItem
from blackboard.llm.failures import KeyRefused
from blackboard.llm.model_settings import KEY, KEY_FILE
from blackboard.llm.reply import Reply


class KeylessClient:
    """A client without a key."""

    def send(self, body: str) -> Reply:
        """Refuse; see `Client`."""
        raise _missing()

    def submit_batch(self, items: Sequence[BatchItem]) -> str:
        """Refuse; see `Client`."""
        raise _missing()

    def find_batch(self, custom_ids: Collection[str], since: Instant) -> str | None:
        """Refuse; see `Client`."""
        raise _missing()

    def batch_results(self, batch_id: str) -> dict[str, Reply | ModelError] | None:
        """Refuse; see `Client`."""
        raise _missing()

    def close(self) -> None:
        """Do nothing."""


def _missing() -> KeyRefused:
    return KeyRefused(
        f"there is no key: set {KEY}, or set {KEY_FILE} to the path of a file, and restart the daemon;"
        ' provider = "offline" in [model] lets the offline rules answer'
    )
