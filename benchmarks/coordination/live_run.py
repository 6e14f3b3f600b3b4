"""The measurement with a real model, which costs money. The figures come from the provider's usage fields.

It runs only on request and never in CI. The verdicts of a real model may differ from the script, so the outcome is
reported and not checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from benchmarks.coordination.controls import run_pipeline
from benchmarks.coordination.desk import ONE_PER_CALL, run_desk
from benchmarks.coordination.leads import enquiries
from benchmarks.coordination.outcome import Cost, Row
from blackboard.clock import Instant
from blackboard.errors import ModelError
from blackboard.llm.answer_parser import Reply
from blackboard.llm.anthropic_client import client_from
from blackboard.llm.model_client import BatchItem, ModelClient
from blackboard.llm.model_settings import ModelSettings

__all__ = ["Counting", "live"]


class Counting:
    """A client that adds up the usage that the provider reports."""

    def __init__(self, client: ModelClient) -> None:
        self._client = client
        self.calls = self.input = self.output = 0

    @property
    def cost(self) -> Cost:
        """The calls and tokens so far, including cached input."""
        return Cost(self.calls, self.input, self.output)

    def send(self, body: str) -> Reply:
        reply = self._client.send(body)
        self.calls += 1
        if reply.usage is not None:
            self.input += reply.usage.input + reply.usage.cache_read + reply.usage.cache_creation
            self.output += reply.usage.output
        return reply

    def submit_batch(self, items: Sequence[BatchItem]) -> str:
        return self._client.submit_batch(items)

    def find_batch(self, custom_ids: Collection[str], since: Instant) -> str | None:
        return self._client.find_batch(custom_ids, since)

    def batch_results(self, batch_id: str) -> dict[str, Reply | ModelError] | None:
        return self._client.batch_results(batch_id)

    def close(self) -> None:
        self._client.close()


def live(sizes: Sequence[int], environ: Mapping[str, str]) -> Iterator[Row]:
    """Yield the figures of the desk with one and ten leads per call, and of the best pipeline.

    They use the model of config/leads.toml.

    Raises:
        ConfigurationError: There is no key.
    """
    client = client_from(ModelSettings(provider="anthropic"), environ)
    assert client is not None
    try:
        for count in sizes:
            leads = enquiries(count)
            for system, agents in (("marks, one per call", ONE_PER_CALL), ("marks, ten per call", {})):
                counting = Counting(client)
                run = run_desk(leads, agents, client=counting, strict=False)
                right = sum(run.outcome.qualified.get(lead.number) == lead.qualifies for lead in leads)
                yield Row(system, "marks", count, counting.cost, note=f"{right} of {count} verdicts match the script")
            counting = Counting(client)
            run_pipeline(leads, 10, client=counting, strict=False)
            yield Row("pipeline, stage by stage, ten per call", "controls", count, counting.cost)
    finally:
        client.close()
