"""The human's side: needs in the inbox, answers, pauses."""

from __future__ import annotations

import json

from blackboard.board import evaporation, queries
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.deposits import PreparedDeposit, Receipt, deposit
from blackboard.errors import InvalidMark, NotFound
from blackboard.marks import dump_payload
from blackboard.store.rows import MarkRow
from blackboard.store.statements import ACTIVATIONS, MARKS

__all__ = ["answer", "inbox", "pause", "resume"]


def inbox(txn: BoardTransaction) -> list[queries.MarkRecord]:
    """The needs that wait for a person, oldest first."""
    if "need" not in txn.deployment.kinds:
        return []
    return sorted(queries.marks(txn, kind="need"), key=lambda view: view.id)


def answer(txn: BoardTransaction, need_id: int, text: str, author: str) -> Receipt:
    """Answer a need: leaves a decision on its subject and takes the need off the board, together.

    Raises:
        InvalidMark: the answer is empty.
        NotFound: there is no such need, or it was answered already.
    """
    if not text.strip():
        raise InvalidMark('the answer is empty; say what was decided, such as "Tuesday 15:00 is fine"')
    values = txn.tx.one(MARKS.get_mark, id=need_id)
    if values is None or MarkRow(*values).kind != "need":
        raise NotFound(f"there is no need {need_id} in the inbox; 'blackboard inbox' lists them")
    need = MarkRow(*values)
    payload = dump_payload({"answer": text, "need": need_id, "question": json.loads(need.payload).get("question", "")})
    receipt = deposit(txn, PreparedDeposit("decision", need.subject, payload, 1.0, author))
    evaporation.withdraw(txn, need_id, author)
    return receipt


def pause(txn: BoardTransaction, agent: str | None, reason: str | None) -> None:
    """Wake an agent (None: any agent) no more, until it is resumed. What runs finishes; crossings go on being recorded.

    Raises:
        UnknownName: there is no such agent.
    """
    _set(txn, agent, True, reason)


def resume(txn: BoardTransaction, agent: str | None) -> None:
    """Wake an agent (None: all of them) again.

    Raises:
        UnknownName: there is no such agent.
    """
    _set(txn, agent, False, None)


def _set(txn: BoardTransaction, agent: str | None, paused: bool, reason: str | None) -> None:
    if agent is None:
        txn.tx.run(ACTIVATIONS.pause_board, paused=int(paused), paused_because=reason)
        return
    txn.deployment.agent(agent)
    if txn.tx.one(ACTIVATIONS.get_agent_state, agent=agent) is None:
        txn.tx.run(
            ACTIVATIONS.insert_agent_state,
            agent=agent,
            paused=int(paused),
            paused_because=reason,
            cooldown_until=None,
            failures=0,
        )
    else:
        txn.tx.run(ACTIVATIONS.set_pause, agent=agent, paused=int(paused), paused_because=reason)
