"""Finds chains of wakings that feed on themselves: too deep, to and fro without new facts, or too often in an hour.

It sets nothing aside itself; an ordinary claim costs it no query.
"""

from __future__ import annotations

from collections.abc import Iterable

from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.deposits import PreparedDeposit, deposit
from blackboard.deployment import AgentSpec
from blackboard.durations import parse_duration
from blackboard.marks import dump_payload
from blackboard.store.rows import ActivationRow, EventRow, MarkRow
from blackboard.store.statements import ACTIVATIONS, MARKS

__all__ = ["AUTHOR", "SHORTEST", "ask", "chain_length", "circles", "too_often"]

AUTHOR = "blackboard"
"""Who signs the needs that ask a person what to make of a loop."""
SHORTEST = 4
"""Wakings in the shortest chain that goes to and fro: once it has gone A, B, A, B, whoever is next is not woken.

The fourth itself still is: often it is the one that gives up and asks a person, as the lead desk's Coordinator does.
"""
HOUR = parse_duration("1h")


def chain_length(txn: BoardTransaction, events: Iterable[EventRow]) -> int:
    """How deep in its chain a waking by these marks is: one more than the deepest activation that left any of them."""
    return 1 + max((row.chain_length for row in _behind(txn, events)), default=0)


def too_often(txn: BoardTransaction, agent: AgentSpec) -> str | None:
    """Why an agent has woken often enough for this hour; None if it may wake again."""
    limit = agent.settings.max_activations_per_hour
    if limit is None or txn.tx.one(ACTIVATIONS.count_since, agent=agent.name, since=txn.now - HOUR)[0] < limit:
        return None
    return f"{agent.name} was woken {limit} times within an hour (max_activations_per_hour = {limit})"


def circles(txn: BoardTransaction, agent: AgentSpec, subject: str, events: list[EventRow]) -> str | None:
    """Why waking the agent by these marks would go on with a loop; None if it would not.

    Over the whole board ("" as the subject) a loop is only what all of the marks, and all marks behind them, have gone.
    """
    found = chain_length(txn, events)
    if found > agent.settings.max_chain:
        limit = agent.settings.max_chain
        return f"the chain that wakes {agent.name} is {found} wakings deep (max_chain = {limit})"
    if found <= SHORTEST:
        return None
    chain = [agent.name]
    while len(chain) <= SHORTEST:
        # A mark that no activation left is a fact from outside: with it, the chain begins anew.
        behind = _behind(txn, events)
        if not behind or any(event.activation_id is None for event in events):
            return None
        if subject:
            behind = [max(behind, key=lambda row: row.id)]
        elif len({row.agent for row in behind}) > 1:
            return None
        chain.append(behind[0].agent)
        events = [event for row in behind for event in _inputs(txn, row.id, subject)]
    last, other = chain[:2]
    if last == other or any(name != (last, other)[n % 2] for n, name in enumerate(chain)):
        return None
    return f"{other} and {last} wake each other over {subject or 'the board'} without new facts"


def ask(txn: BoardTransaction, subject: str, reason: str, activation_id: int) -> None:
    """Ask a person what to do, unless the question about this subject still waits for an answer."""
    if "need" not in txn.deployment.kinds:
        return
    needs = (MarkRow(*values) for values in txn.tx.all(MARKS.marks_of_subject, kind="need", subject=subject))
    if any(row.author == AUTHOR for row in needs):
        return
    payload = {
        "question": f"{reason}. Shall it go on?",
        "options": ["retry", "discard"],
        "detail": "Its marks are quarantined: 'blackboard activations --state quarantined' lists them,"
        " and --retry ID or --discard ID decides.",
    }
    key = f"{AUTHOR}/quarantined/{activation_id}"
    deposit(txn, PreparedDeposit("need", subject, dump_payload(payload), 1.0, AUTHOR, key=key))


def _behind(txn: BoardTransaction, events: Iterable[EventRow]) -> list[ActivationRow]:
    """The activations that left the marks."""
    ids = dict.fromkeys(event.activation_id for event in events if event.activation_id is not None)
    rows = (txn.tx.one(ACTIVATIONS.get_activation, id=id_) for id_ in ids)
    return [ActivationRow(*row) for row in rows if row is not None]


def _inputs(txn: BoardTransaction, activation_id: int, subject: str) -> list[EventRow]:
    """The marks of a subject, or of any, that an activation was given."""
    rows = txn.tx.all(ACTIVATIONS.inputs, activation_id=activation_id)
    events = [EventRow(*row[3:]) for row in rows if row.role == "absorbed" and row.id is not None]
    return [event for event in events if not subject or event.subject == subject]
