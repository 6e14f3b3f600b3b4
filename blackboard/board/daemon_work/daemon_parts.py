"""The parts of a board that a daemon uses beside its worker: the steps of model calls, and the lock of publishers."""

from __future__ import annotations

from blackboard.board.activations.call_handling.batch_api_steps import BatchApiSteps
from blackboard.board.activations.call_handling.call_outcomes import CallOutcomes
from blackboard.board.activations.call_handling.call_steps import CallSteps
from blackboard.board.facade import Blackboard
from blackboard.store.database_interfaces.process_interface import ProcessLock


def call_steps_of(board: Blackboard) -> CallSteps:
    """Return the steps of the model calls of a board."""
    return CallSteps(board.session)


def call_outcomes_of(board: Blackboard) -> CallOutcomes:
    """Return the outcomes of the model calls of a board, to which a daemon adds answers and refusals."""
    return CallOutcomes(board.session)


def batch_api_steps_of(board: Blackboard) -> BatchApiSteps:
    """Return the steps of the calls of a board that go through the provider's Batch API."""
    return BatchApiSteps(board.session)


def publish_lock(board: Blackboard, patience: float) -> ProcessLock:
    """Return the lock between the processes that publish from a board.

    Args:
        board: The board that the processes publish from.
        patience: The longest wait for the lock, in seconds.
    """
    return board.database.processes.lock("publish", patience)
