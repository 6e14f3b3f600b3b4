"""The kinds and agents of a board that hosts share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blackboard import Blackboard, Exponential, Mark, Never, agent, count, strength
from tests.crash.hosts.planned_marks import NEEDED

__all__ = ["AGENTS", "FILER", "METERED", "create_board"]

METERED = 40
"""The number of new leads on the board that wakes the meter."""


class Lead(Mark, kind="lead", on_repeat="separate"):
    """An event from outside."""

    n: int


class Reply(Mark, kind="reply", on_repeat="separate"):
    """The result of a lead."""

    n: int


class Filed(Mark, kind="filed", on_repeat="separate"):
    """What a remote worker makes of a reply."""

    n: int


class Tally(Mark, kind="tally", on_repeat="add", decay=Never()):
    """A sum. Each deposit on a subject is added to its one mark."""

    n: int


class Ember(Mark, kind="ember", on_repeat="separate", decay=Exponential("2s"), floor=0.05):
    """A mark that fades."""

    n: int


class Cold(Mark, kind="cold", on_repeat="separate"):
    """What is said once of each ember that has faded."""

    n: int


@agent(watches=strength(Lead) >= NEEDED, writes=[Reply], batch=5, concurrency=2, cooldown_after_failures=10_000)
def sales(leads: Sequence[Lead], context: Any) -> list[Reply]:
    """Reply to each lead."""
    return [Reply(subject=lead.subject, n=lead.n) for lead in leads]


@agent(watches=strength(Ember) < 0.5, writes=[Cold], batch=10)
def warden(embers: Sequence[Ember], context: Any) -> list[Cold]:
    """Say of each ember that it has faded."""
    return [Cold(subject=ember.subject, n=ember.n) for ember in embers]


@agent(watches=count(Lead, over="board") >= METERED)
def meter(leads: Sequence[Lead], context: Any) -> None:
    """Take note of many new leads."""


@agent(watches=strength(Reply) >= 0.5, writes=[Filed], name="filer", batch=5, concurrency=4)
def _filer(replies: Sequence[Reply], context: Any) -> None:
    """Stand for the declaration of the remote agent."""


AGENTS = (sales, warden, meter)
FILER = _filer.spec.model_copy(update={"remote": True, "code": None})
"""The agent that claimers serve."""


def create_board(url: str) -> None:
    """Create the board and deploy its agents."""
    with Blackboard.open(url, author="founder", create=True) as board:
        board.deploy(*AGENTS, kinds=[Lead, Reply, Filed, Tally, Ember, Cold])
        agents = {**board.deployment.agents, "filer": FILER}
        board.deploy(board.deployment.model_copy(update={"agents": agents}))
