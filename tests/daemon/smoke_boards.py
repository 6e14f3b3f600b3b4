"""Boards with marks of smoke: their kinds and deployment, and a daemon that runs agents until no work remains."""

from __future__ import annotations

import random
from typing import Any

from pydantic import BaseModel

from blackboard import Blackboard, Daemon, Mark
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.daemon import RemainingWork


class Smoke(Mark, kind="smoke", decay={"law": "exponential", "half_life": "1h"}, on_repeat="add"):
    detail: str = ""


class Alarm(Mark, kind="alarm", on_repeat="separate"):
    level: int


class Stray(Mark, kind="stray"):
    pass


class Seat(Mark, kind="seat", on_repeat="separate", unique="number"):
    number: int


def deploy(board: Blackboard, *agents: Agent, kinds: tuple[type[Mark], ...] = (Smoke, Alarm, Stray, Seat)) -> None:
    board.session.classes.add(kinds)
    board.deploy(
        Deployment(
            kinds={kind.kind: KindSpec.of(kind.defaults) for kind in kinds},
            agents={item.name: item.spec for item in agents},
        )
    )


def run_until_quiescent(board: Blackboard, *agents: Agent, **options: Any) -> RemainingWork:
    deploy(board, *agents)
    return Daemon(board, agents, rng=random.Random(1), **options).run(until_quiescent=True)


def smoke(board: Blackboard, subject: str = "kitchen", intensity: float = 0.8) -> int:
    return board.deposit(Smoke(subject=subject), intensity=intensity).mark_id


class Verdict(BaseModel):
    level: int
