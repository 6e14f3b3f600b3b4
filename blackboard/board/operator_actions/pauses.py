"""Pauses of agents and of the board, which a person begins and ends."""

from __future__ import annotations

from blackboard.board import board_clock
from blackboard.board.activations.call_handling import model_pauses
from blackboard.board.outbox import message_causes
from blackboard.board.transactions import activity_log, agent_states
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.records.event_kinds import ActivityEvent


def pause(txn: BoardTransaction, agent: str | None, reason: str | None, author: str) -> None:
    """Pause an agent, or the whole board (None). Running activations finish, and crossings are still recorded.

    Raises:
        UnknownName: There is no such agent.
    """
    if agent is None:
        if txn.pause is None:
            message_causes.announce_pause(txn, reason)
        agent_states.set_board_pause(txn, is_paused=True, reason=reason)
    else:
        agent_states.set_pause(txn, agent, is_paused=True, reason=reason)
    activity_log.note(txn, ActivityEvent.PAUSE, agent=agent, author=author)


def resume(txn: BoardTransaction, agent: str | None, author: str) -> None:
    """Resume an agent, or the whole board (None).

    Resuming an agent also ends its cooldown after failures. Resuming the board also accepts a clock that leapt ahead,
    and tries paused models.

    Raises:
        UnknownName: There is no such agent.
    """
    if agent is None:
        board_clock.accept_clock(txn)
        agent_states.set_board_pause(txn, is_paused=False)
        model_pauses.try_now(txn)
    else:
        agent_states.set_pause(txn, agent, is_paused=False)
        agent_states.end_failures(txn, agent)
    activity_log.note(txn, ActivityEvent.RESUME, agent=agent, author=author)
