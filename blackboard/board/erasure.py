"""Erases what was said about one subject. What happened stays: ids, instants, kinds, intensities, activations, costs.

The subject becomes a random name that nothing leads back from. It is no part of the ordinary life of marks: those
evaporate or are withdrawn, and keep their history.
"""

from __future__ import annotations

import json
import secrets

from blackboard.board import activation_results, evaporation
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.results import ErasureReport
from blackboard.errors import InvalidMark, NotFound
from blackboard.states import ActivationState
from blackboard.store.rows import ActivationRow, MarkRow
from blackboard.store.statements import ERASURE

__all__ = ["PREFIX", "forget"]

PREFIX = "forgotten/"
"""What the random names begin with."""

ERASED = "(erased)"


def forget(txn: BoardTransaction, subject: str, author: str) -> ErasureReport:
    """Erase what was said about a subject.

    Raises:
        NotFound: nothing was ever said about it.
        InvalidMark: it is the name of one that was forgotten.
    """
    if subject.startswith(PREFIX):
        raise InvalidMark(f"{subject} is forgotten already")
    events = txn.tx.one(ERASURE.count_events, subject=subject)[0]
    if not events:
        raise NotFound(f"nothing was said about {subject!r}; 'blackboard marks' shows the subjects")
    live = _clear(txn, subject, author)
    seen = [ActivationRow(*values) for values in txn.tx.all(ERASURE.activations_of_subject, subject=subject)]
    for row in seen:
        if (
            row.state == ActivationState.RUNNING
        ):  # whoever runs it knows what is being forgotten: its end must not be written
            activation_results.hand_back(txn, row)
        txn.tx.run(ERASURE.erase_error, id=row.id, error=None if row.error is None else ERASED)
    patterns = _patterns(subject)
    calls = {values[0] for row in seen for values in txn.tx.all(ERASURE.call_ids_of_activation, activation_id=row.id)}
    calls |= {values[0] for pattern in patterns for values in txn.tx.all(ERASURE.calls_naming, pattern=pattern)}
    for call in sorted(calls):
        txn.tx.run(ERASURE.erase_call, id=call)
    txn.tx.run(ERASURE.delete_keys, subject=subject)
    txn.tx.run(ERASURE.delete_cooldowns, subject=subject)
    txn.tx.run(ERASURE.delete_predicted, subject=subject)
    named = {
        values[0]
        for pattern in patterns
        for values in txn.tx.all(ERASURE.marks_naming, pattern=pattern, subject=subject)
    }
    name = f"{PREFIX}{secrets.token_hex(8)}"
    txn.tx.run(ERASURE.close_crossings, subject=subject, at=txn.now)
    for statement in (ERASURE.rename_crossings, ERASURE.rename_activations, ERASURE.erase_events):
        txn.tx.run(statement, subject=subject, new_name=name)
    return ErasureReport(name, live, events, len(seen), tuple(sorted(calls)), tuple(sorted(named)))


def _clear(txn: BoardTransaction, subject: str, author: str) -> int:
    """Take every mark of the subject off the board."""
    live = 0
    for row in [MarkRow(*values) for values in txn.tx.all(ERASURE.marks_to_erase, subject=subject)]:
        if row.evaporates_at is not None and row.evaporates_at <= txn.now:
            evaporation.evaporate(txn, row)
        else:
            evaporation.withdraw(txn, row.id, author)
            live += 1
    return live


def _patterns(subject: str) -> set[str]:
    """What to look for in texts: the subject as it is, and as JSON writes it."""
    texts = {subject, json.dumps(subject)[1:-1], json.dumps(subject, ensure_ascii=False)[1:-1]}
    for sign in ("\\", "%", "_"):
        texts = {text.replace(sign, "\\" + sign) for text in texts}
    return {f"%{text}%" for text in texts}
