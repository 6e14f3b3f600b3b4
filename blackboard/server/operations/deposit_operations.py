"""The operations that deposit marks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field, JsonValue

from blackboard import Blackboard, Deposit, Receipt
from blackboard.core.marks.deposit_lists import DEPOSITS_PER_TRANSACTION
from blackboard.errors import BlackboardError
from blackboard.server.api_framework.operation_definition import (
    EventId,
    Fields,
    NoParameters,
    Operation,
    OperationCall,
    TimeText,
)
from blackboard.server.http_problems import HttpProblem, PlacedProblem

DEPOSIT_PROBLEMS = (
    "unknown-name", "invalid-mark", "unique-conflict", "conflict", "law-conflict", "out-of-order", "key-reused",
)  # fmt: skip


class DepositFields(Fields):
    """A mark to deposit."""

    kind: str = Field(description="The kind, such as lead.")
    subject: str = Field(description="What the mark is about.")
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    intensity: float = Field(default=1.0, ge=0, description="The board multiplies the intensity by the author's trust.")
    key: str | None = Field(
        default=None, description="An idempotency key: the same deposit with the same key is stored once."
    )
    decay: dict[str, JsonValue] | str | None = Field(default=None, description="A decay law for this mark only.")
    until: TimeText | None = Field(default=None, description="Keep the full strength until this time.")
    occurred_at: TimeText | None = Field(
        default=None, description="When the reported event happened; by default now. The mark fades from then on."
    )
    if_event: EventId | None = Field(
        default=None, description="Only if the live mark still has this event_id; 0: only if there is no live mark."
    )


class DepositsFields(Fields):
    """Marks to deposit in one transaction."""

    marks: Annotated[Sequence[DepositFields], Field(min_length=1, max_length=DEPOSITS_PER_TRANSACTION)]


def deposit(call: OperationCall[NoParameters, DepositFields]) -> Receipt:
    """Deposit a mark."""
    [result] = deposit_together([call])
    if isinstance(result, Exception):
        raise result
    return result


def deposit_together(calls: Sequence[OperationCall[NoParameters, DepositFields]]) -> list[Receipt | Exception]:
    """Deposit the marks of several calls in one transaction. A mistake in one of them does not prevent the others."""
    given: list[Deposit | Exception] = []
    for call in calls:
        try:
            given.append(_keyed_deposit(call))
        except (BlackboardError, HttpProblem) as error:
            given.append(error)
    board = calls[0].board
    receipts = iter(_deposit_each(board, [item for item in given if isinstance(item, Deposit)]))
    results = [next(receipts) if isinstance(item, Deposit) else item for item in given]
    for call, result in zip(calls, results, strict=True):
        if isinstance(result, Receipt) and result.outcome == "duplicate":
            call.headers["Idempotency-Replayed"] = "true"
    return results


def _keyed_deposit(call: OperationCall[NoParameters, DepositFields]) -> Deposit:
    item = call.body
    if call.key is not None and item.key not in (None, call.key):
        place = PlacedProblem("body.key", "it differs from the header Idempotency-Key")
        raise HttpProblem("invalid", "the request has two different keys; give only one", [place])
    given = as_deposit(call, item)
    return replace(given, key=item.key if call.key is None else call.key, author=call.caller.token.author)


def _deposit_each(board: Blackboard, items: Sequence[Deposit]) -> Sequence[Receipt | Exception]:
    """Deposit items in one transaction. If it fails, deposit each item alone, so that none fails because of another."""
    try:
        return board.deposit_many(items, on_error="return")
    except BlackboardError as error:
        if len(items) == 1:
            return [error]
    return [result for item in items for result in _deposit_each(board, [item])]


def deposit_many(call: OperationCall[NoParameters, DepositsFields]) -> list[Receipt]:
    """Deposit up to 1,000 marks in one transaction: all of them or none."""
    return call.board.deposit_many([as_deposit(call, item) for item in call.body.marks])


def as_deposit(call: OperationCall[object, object], item: DepositFields) -> Deposit:
    """Return a mark to deposit.

    Raises:
        HttpProblem: The caller may not deposit it.
    """
    call.caller.require_change(item.kind, item.subject)
    return Deposit(
        item.kind,
        item.subject,
        item.payload,
        item.intensity,
        item.key,
        occurred_at=item.occurred_at,
        decay=json.dumps(item.decay) if isinstance(item.decay, dict) else item.decay,
        until=item.until,
        if_event=item.if_event,
        traceparent=call.traceparent,
    )


OPERATIONS = (
    Operation(
        "POST", "/v1/marks", scope="deposit", run=deposit, takes_key=True, run_together=deposit_together,
        problems=DEPOSIT_PROBLEMS,
    ),
    Operation("POST", "/v1/marks/many", scope="deposit", run=deposit_many, problems=DEPOSIT_PROBLEMS),
)  # fmt: skip
