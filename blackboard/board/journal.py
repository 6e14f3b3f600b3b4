"""The journal of model calls: a paid answer is never paid for twice.

    planned -> sent -> answered -> applied

`planned` freezes the request's bytes; `sent` is committed before the request leaves, with its highest cost reserved;
`answered` keeps the raw answer before anybody parses it; `applied` is set in the transaction that leaves the marks.
A call ends otherwise as `failed` (nothing was paid), `unusable` (paid, and the answer was of no use) or `unknown`
(nobody can say: the reserve stays until a person or the provider settles it).
"""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.board.moment import Moment
from blackboard.store import journal as J
from blackboard.store.journal import CallRow

__all__ = ["Spent", "answered", "applied", "ended", "latest", "plan", "sent", "spoiled"]


@dataclass(frozen=True)
class Spent:
    """What an answer took: tokens by sort, and money in micro-dollars (None where the model has no price)."""

    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    cost: int | None
    direct_cost: int | None
    """What the same call would have cost in the dear lane."""


def latest(m: Moment, activation_id: int) -> CallRow | None:
    """The newest call of an activation."""
    found = m.tx.one(J.CALLS_OF, activation_id=activation_id)
    return None if found is None else CallRow(*found)


def plan(m: Moment, activation_id: int, agent: str, model: str, body: str, lane: str = "direct") -> CallRow:
    """Freeze a request."""
    row = CallRow(
        id=(m.tx.one(J.LAST_CALL_ID)[0] or 0) + 1,
        activation_id=activation_id,
        agent=agent,
        model=model,
        lane=lane,
        state="planned",
        body=body,
        planned_at=m.now,
        sent_at=None,
        answered_at=None,
        applied_at=None,
        reserved=0,
        reply=None,
        request_id=None,
        custom_id=None,
        batch_id=None,
        input_tokens=None,
        cache_read_tokens=None,
        cache_write_tokens=None,
        output_tokens=None,
        cost=None,
        direct_cost=None,
        error=None,
    )
    m.tx.run(J.INSERT_CALL, **{name: value for name, value in row._asdict().items() if name != "id"})
    return row._replace(id=m.tx.one(J.LAST_CALL_ID)[0])


def sent(m: Moment, call_id: int, reserve: int) -> None:
    """The request is about to leave: reserve its highest cost, in micro-dollars."""
    m.tx.run(J.SEND_CALL, key=call_id, state="sent", sent_at=m.now, reserved=reserve)


def answered(m: Moment, call_id: int, raw: str, request_id: str | None, spent: Spent) -> None:
    """Keep a raw answer and what it took; the reserve is settled if the cost is known."""
    row = CallRow(*m.tx.one(J.GET_CALL, id=call_id))
    m.tx.run(
        J.ANSWER_CALL,
        key=call_id,
        state="answered",
        answered_at=m.now,
        reserved=row.reserved if spent.cost is None else 0,
        reply=raw,
        request_id=request_id,
        error=None,
        **vars(spent),
    )


def ended(m: Moment, call_id: int, state: str, error: str, request_id: str | None = None) -> None:
    """End a call without a usable answer: failed, unusable or unknown."""
    row = CallRow(*m.tx.one(J.GET_CALL, id=call_id))
    keeps = state == "unknown" or (state == "unusable" and row.cost is None)
    m.tx.run(
        J.END_CALL,
        key=call_id,
        state=state,
        reserved=row.reserved if keeps else 0,
        error=error[:2000],
        request_id=request_id or row.request_id,
    )


def spoiled(m: Moment, activation_id: int, error: str) -> None:
    """The agent found the answer of no use after all: a retry asks again."""
    row = latest(m, activation_id)
    if row is not None and row.state == "answered":
        ended(m, row.id, "unusable", error)


def applied(m: Moment, activation_id: int) -> None:
    """The marks of an activation are being left: its answer is used up."""
    m.tx.run(J.APPLY_CALLS, activation=activation_id, at=m.now)
