"""An agent that calls a model, which answers immediately and counts its answers."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from blackboard import agent, strength
from blackboard.clock import Instant
from blackboard.daemon import DaemonLoop
from blackboard.llm.answer_parser import Reply, Usage
from blackboard.llm.model_client import BatchItem
from blackboard.llm.model_settings import ModelSettings
from tests.crash.invariants import Broken, rows
from tests.crash.worlds.pure_world import Flame, Pure, Spark


class Judged(BaseModel):
    """The answer of the model."""

    numbers: list[int]


@agent(watches=strength(Spark) >= 0.3, writes=[Flame], batch=5)
def asker(marks: Sequence[Spark], context: Any) -> list[Flame]:
    """Return a flame for each spark by the answer of the model."""
    said = context.ask("Double the numbers.", [mark.n for mark in marks], Judged)
    return [Flame(subject=mark.subject, n=number) for mark, number in zip(marks, said.numbers, strict=True)]


class Ledger:
    """A model that doubles numbers. It writes each answer to a file first, as a provider charges first."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def send(self, body: str) -> Reply:
        asked = json.loads(json.loads(body)["messages"][-1]["content"])
        os.write(self._file, (json.dumps(asked) + "\n").encode())
        text = json.dumps({"numbers": [2 * n for n in asked]})
        raw = {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
        return Reply(json.dumps(raw), usage=Usage(10, 5, 0, 0))

    def submit_batch(self, items: Sequence[BatchItem]) -> str:
        raise NotImplementedError

    def find_batch(self, custom_ids: Collection[str], since: Instant) -> str | None:
        raise NotImplementedError

    def batch_results(self, batch_id: str) -> dict[str, Any] | None:
        raise NotImplementedError

    def close(self) -> None:
        return None


class Paid(Pure):
    """One agent that calls a model. A recorded answer is not requested again."""

    name = "paid"
    fails = False
    at_once = 20
    asks = True
    per_depositor = 200
    agents = (asker,)

    def make_daemon(self) -> DaemonLoop:
        client = Ledger(self.folder / "ledger")
        return DaemonLoop(self.open("daemon"), self.agents, model=ModelSettings(), client=client, rng=random.Random(1))

    def check_end(self) -> None:
        super().check_end()
        paid = len((self.folder / "ledger").read_text().splitlines())
        with rows(self.path) as query:
            [[sent, unknown]] = query(
                "SELECT count(*), sum(state = 'unknown') FROM model_call WHERE sent_at IS NOT NULL"
            )
        if not sent - (unknown or 0) <= paid <= sent:
            raise Broken(
                f"{paid} answers were paid for; the board records {sent} calls, {unknown} with an unknown outcome"
            )
