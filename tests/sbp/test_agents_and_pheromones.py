"""Agents of the board watch pheromones."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from blackboard import Blackboard, Daemon, Mark, agent, strength
from blackboard.server.sbp.sbp_marks import Pheromone
from tests.sbp.emissions import emit, sniff

IMMORTAL = {"type": "immortal"}


class Route(Mark, kind="route"):
    to: str


@agent(watches=strength(Pheromone, where={"trail": "food", "tags": "fresh"}) >= 0.5, writes=[Route])
def leader(found: list[Pheromone], context: Any) -> list[Route]:
    return [Route(subject=pheromone.subject, to=str(pheromone.content["at"])) for pheromone in found]


def test_a_pheromone_wakes_an_agent_of_the_board(sbp_board: Blackboard) -> None:
    sbp_board.deploy(leader)
    emit(sbp_board, 0.4, trail="food", payload={"at": "oak"}, tags=["fresh"], decay=IMMORTAL)
    emit(sbp_board, 0.9, trail="food", payload={"at": "elm"}, tags=["old"], decay=IMMORTAL)
    Daemon(sbp_board, [leader]).run(until_quiescent=True)
    assert sbp_board.marks("route") == []
    emit(sbp_board, 0.4, trail="food", payload={"at": "oak"}, merge_strategy="add")
    Daemon(sbp_board, [leader]).run(until_quiescent=True)
    assert [mark.payload["to"] for mark in sbp_board.marks("route")] == ["oak"]
    assert len(sniff(sbp_board)) == 2


@pytest.mark.processes
def test_the_kinds_need_no_library_of_the_server() -> None:
    script = (
        "import sys; from blackboard.server.sbp.sbp_marks import Pheromone; "
        "assert not {'starlette', 'uvicorn'} & sys.modules.keys()"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
