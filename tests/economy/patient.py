"""A client of the stand-in for the API whose batches end once they have been asked for a few times."""

from __future__ import annotations

from blackboard.llm import AnthropicClient
from tests.economy.world import KEY

__all__ = ["Patient"]


class Patient:
    """A client whose batches end once they have been asked for a few times."""

    def __init__(self, api, looks=2, outcome=lambda custom_id: None):
        self.api, self.looks, self.outcome = api, looks, outcome
        self.inner = AnthropicClient(KEY, api.url, 5_000_000)
        self.asked = 0

    def send(self, body):
        return self.inner.send(body)

    def submit_batch(self, items):
        return self.inner.submit_batch(items)

    def find_batch(self, custom_ids, since):
        return self._ended(lambda: self.inner.find_batch(custom_ids, since))

    def batch_results(self, batch_id):
        return self._ended(lambda: self.inner.batch_results(batch_id))

    def _ended(self, ask):
        self.asked += 1
        if self.asked % (self.looks + 1) == 0:
            self.api.end_batches(self.outcome)
        return ask()

    def close(self):
        self.inner.close()
