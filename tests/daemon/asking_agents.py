"""An agent that asks, agents that review, and a daemon that runs them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from blackboard import Blackboard, Context, Daemon, Decision, Mark, Need, agent, strength
from blackboard.core.agents.agent_definition import Agent


class Doubt(Mark, kind="doubt", on_repeat="separate"):
    answerable_by: list[str] = Field(default_factory=list)
    due: str | None = None


class Note(Mark, kind="note", on_repeat="separate"):
    text: str = ""


@agent(watches=strength(Doubt) >= 0.5, writes=[Need])
def asker(doubts: Sequence[Doubt], context: Context) -> list[Need]:
    return [
        Need(
            subject=doubt.subject,
            question="Ship it?",
            options=["yes", "no"],
            answerable_by=doubt.answerable_by,
            due=doubt.due,
        )
        for doubt in doubts
    ]


def reviewer_of(answer: str, *, name: str = "reviewer", **changes: Any) -> Agent:
    """Return an agent that answers every need that it is given."""

    @agent(watches=strength(Need) >= 0.5, writes=[Decision, Note], name=name, max_attempts=1)
    def reviewer(needs: Sequence[Need], context: Context) -> list[Mark]:
        values = [{"subject": need.subject, "need": need.id, "answer": answer} | changes for need in needs]
        return [Note(subject="log", text=name), *(Decision(**value) for value in values)]

    return reviewer


def run(board: Blackboard, *agents: Agent) -> None:
    board.deploy(*agents)
    Daemon(board, agents, rng=random.Random(1)).run(until_quiescent=True)


def ask(board: Blackboard, *answerable_by: str, subject: str = "ship", due: str | None = None) -> int:
    """Let the asker ask, and return the need."""
    board.deposit(Doubt(subject=subject, answerable_by=list(answerable_by), due=due))
    run(board, asker)
    return next(need.id for need in board.inbox(all_needs=True) if need.subject == subject)


def outcomes(board: Blackboard, name: str) -> list[tuple[str, str | None]]:
    return [(one.state, one.error) for one in board.activations(agent=name)]
