"""A process that runs a daemon on a board until quiescence or until it dies at a given failpoint."""

from __future__ import annotations

from typing import Any

import anthropic  # noqa: F401  # so that the server that forks the children has imported it already

from blackboard import ManualClock
from blackboard.board.activations.call_records import model_calls
from blackboard.errors import StoreError
from blackboard.system import failpoints
from tests.support.paying_board import PayingBoard

__all__ = ["live"]


def live(database: str, url: str, failpoint: tuple[str, int], full: bool, settings: dict[str, Any]) -> None:
    """Run a daemon; with `full`, the disk accepts no answer."""
    world = PayingBoard(database, ManualClock(), url, **settings)
    if full:
        setattr(model_calls, "record_answer", _full)  # noqa: B010
    failpoints.arm(*failpoint)
    world.run_until_quiescent()


def _full(*given: Any) -> bool:
    raise StoreError("the disk is full; make room; no write was left half done")
