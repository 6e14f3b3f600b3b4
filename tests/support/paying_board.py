"""A board with one agent that judges leads by one model call, and the fake API that answers it."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from blackboard import Blackboard, Mark, agent, strength
from blackboard.clock import Clock, microseconds_in
from blackboard.core.agents.agent_context import Context
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.specs.agent_spec import AgentSettings, Budget
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.daemon import DaemonLoop, RemainingWork
from blackboard.errors import ModelError
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.model_client import ModelClient
from blackboard.llm.model_settings import ModelSettings
from blackboard.settings.sections import DaemonSection
from tests.support.bounds import BOUND_SECONDS

MODEL = "claude-haiku-4-5"
KEY = "sk-test-not-a-key"


class Lead(Mark, kind="lead", on_repeat="separate"):
    message: str = "80 seats by March"


class Judged(Mark, kind="judged", on_repeat="separate"):
    lead: int
    verdict: str


class Verdict(BaseModel):
    id: int
    verdict: str


class Verdicts(BaseModel):
    verdicts: list[Verdict]


@agent(watches=strength(Lead) >= 0.1, writes=[Judged], max_tokens=400)
def judge(leads: Sequence[Lead], context: Context) -> list[Mark]:
    """Return a verdict for each lead."""
    data = {"leads": [{"id": lead.id, "message": lead.message} for lead in leads]}
    answer = context.ask("Judge each lead.", data, Verdicts)
    found = {verdict.id: verdict.verdict for verdict in answer.verdicts}
    if missing := [lead.id for lead in leads if lead.id not in found]:
        raise ModelError(f"no verdict for {missing}")
    return [Judged(subject=lead.subject, lead=lead.id, verdict=found[lead.id]) for lead in leads]


def answer(body: dict[str, Any]) -> dict[str, Any]:
    """Return the right answer to the judge's request."""
    leads = json.loads(body["messages"][0]["content"])["leads"]
    return {"verdicts": [{"id": lead["id"], "verdict": "good"} for lead in leads]}


class PayingBoard:
    """A board with its judge; `url` is the address of the API, and `database` that of the board."""

    def __init__(
        self,
        database: str,
        clock: Clock,
        url: str,
        *,
        budget: Budget | None = None,
        agents: Sequence[Agent] = (judge,),
        kinds: Sequence[type[Mark]] = (Lead, Judged),
        **settings: Any,
    ) -> None:
        self.database, self.clock, self.url, self.agents, self.kinds = database, clock, url, agents, kinds
        self.board = Blackboard.open(database, clock=clock, author="person:test", kinds=kinds)
        self.deploy(budget, **settings)

    def deploy(self, budget: Budget | None = None, *, own: Budget | None = None, **settings: Any) -> None:
        """Deploy the agents with these settings; `own` is the budget of each agent, `budget` of the board."""
        specs = {}
        if own is not None:
            settings["budget"] = own
        for item in self.agents:
            merged = AgentSettings(**{**item.spec.settings.model_dump(exclude_unset=True), **settings})
            specs[item.name] = item.spec.model_copy(update={"settings": merged})
        kinds = {kind.kind: KindSpec.of(kind.defaults) for kind in self.kinds}
        self.board.deploy(Deployment(kinds=kinds, agents=specs, budget=budget or Budget()))

    def deposit_leads(self, count: int = 1, intensity: float = 1.0, name: str = "lead") -> list[int]:
        """Deposit leads and return their ids."""
        return [
            self.board.deposit(Lead(subject=f"{name}/{n}"), intensity=intensity).mark_id for n in range(1, count + 1)
        ]

    def daemon(self, client: ModelClient | None = None, **options: Any) -> DaemonLoop:
        client = client or AnthropicClient(KEY, self.url, microseconds_in(BOUND_SECONDS))
        options.setdefault("model", ModelSettings(model=MODEL))
        return DaemonLoop(self.board, self.agents, DaemonSection(), client=client, rng=random.Random(1), **options)

    def run_until_quiescent(self, client: ModelClient | None = None, **options: Any) -> RemainingWork:
        """Run a daemon until only a person, a budget or a new mark could cause progress."""
        made = client or AnthropicClient(KEY, self.url, microseconds_in(BOUND_SECONDS))
        try:
            return self.daemon(made, **options).run(until_quiescent=True)
        finally:
            if client is None:
                made.close()

    @property
    def judged(self) -> list[int]:
        """Return the leads with a verdict, in the order of their ids."""
        return sorted(mark.lead for mark in self.board.marks(Judged))

    def calls(self) -> list[dict[str, Any]]:
        """Return the model calls, oldest first, as the view shows them."""
        return [dict(row) for row in self.board.query("SELECT * FROM model_calls ORDER BY id")]

    def states(self) -> list[str]:
        return [call["state"] for call in self.calls()]

    def close(self) -> None:
        self.board.close()
