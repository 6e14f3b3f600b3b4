"""The operations on marks, subjects and kinds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, JsonValue

from blackboard import Blackboard, Deposit, MarkEvent, MarkPosition, MarkRecord, Receipt
from blackboard.board.json_shapes import KindShape, Withdrawal, kind_shape
from blackboard.board.reading.tag_texts import read_filters
from blackboard.core.marks import normalize_subject
from blackboard.errors import BlackboardError
from blackboard.server.operations import (
    Call,
    Encoded,
    EventId,
    Fields,
    Id,
    Limit,
    Name,
    Operation,
    Page,
    Tags,
    Time,
)
from blackboard.server.problems import HttpProblem, PlacedProblem

MAX_MANY = 1000

DECISION = "decision"
"""The kind of answers to needs. A token needs the scope `answer` to deposit one."""

DEPOSIT_PROBLEMS = (
    "unknown-name", "invalid-mark", "unique-conflict", "conflict", "law-conflict", "out-of-order", "key-reused",
)  # fmt: skip


class DepositFields(Fields):
    """A mark to deposit."""

    kind: str = Field(description="The kind, such as lead.")
    subject: str = Field(description="What the mark is about.")
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    intensity: float = Field(default=1.0, ge=0, description="The board multiplies it by its trust in the author.")
    key: str | None = Field(
        default=None, description="An idempotency key of this author and kind: a second use changes nothing."
    )
    decay: dict[str, JsonValue] | str | None = Field(default=None, description="A decay law for this mark only.")
    until: Time | None = Field(default=None, description="Keep the full strength until this time.")
    occurred_at: Time | None = Field(default=None, description="When it occurred; by default now.")
    if_event: EventId | None = Field(
        default=None, description="Only if the live mark that it joins is still at this event; 0 for no such mark."
    )


class DepositsFields(Fields):
    """Marks to deposit in one transaction."""

    marks: Annotated[Sequence[DepositFields], Field(min_length=1, max_length=MAX_MANY)]


class ListedMarks(Fields):
    """Which live marks to list."""

    kind: Name | None = Field(default=None, description="Only marks of this kind.")
    subject: str | None = Field(default=None, description="Only marks of this subject.")
    min_strength: float | None = Field(default=None, description="Only marks of at least this strength.")
    tag: Tags = ()
    at: Time | None = Field(default=None, description="Show the board at another time, past or future.")
    limit: Limit = 100
    page: Annotated[tuple[datetime, float, Id] | None, *Encoded] = Field(default=None, alias="cursor")


class OneMark(Fields):
    """One mark by its id."""

    id: Id


class ChangedMark(OneMark):
    """One mark, perhaps only if it has not changed."""

    if_event: EventId | None = Field(default=None, ge=1, description="Only if the mark is still at this event.")


class Strengthening(Fields):
    """By how much a mark is reinforced."""

    by: float = Field(gt=0, description="The strength to add; the board multiplies it by its trust in the author.")
    if_event: EventId | None = Field(default=None, ge=1, description="Only if the mark is still at this event.")


class ListedSubjects(Fields):
    """Which subjects to list."""

    prefix: str = Field(default="", description="How they begin.")
    at: Time | None = Field(default=None, description="Only subjects that had a mark up to this time.")
    limit: Limit = 100
    page: Annotated[str | None, *Encoded] = Field(default=None, alias="cursor")


class HistoryOfSubject(Fields):
    """Which events of a subject to list."""

    subject: str = Field(description="The subject.")
    at: Time | None = Field(default=None, description="Only events that were recorded up to this time.")
    limit: Limit = 100
    page: Annotated[Id | None, *Encoded] = Field(default=None, alias="cursor")


class OneKind(Fields):
    """One kind by its name."""

    kind: Name


def deposit(call: Call) -> Receipt:
    """Deposit a mark."""
    [result] = deposit_together([call])
    if isinstance(result, Exception):
        raise result
    return result


def deposit_together(calls: Sequence[Call]) -> list[Receipt | Exception]:
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


def _keyed_deposit(call: Call) -> Deposit:
    item: DepositFields = call.body
    if call.key is not None and item.key not in (None, call.key):
        place = PlacedProblem("body.key", "it differs from the header Idempotency-Key")
        raise HttpProblem("invalid", "the request names two keys", [place])
    given = as_deposit(call, item)
    return replace(given, key=item.key if call.key is None else call.key, author=call.caller.token.author)


def _deposit_each(board: Blackboard, items: Sequence[Deposit]) -> Sequence[Receipt | Exception]:
    """Deposit items together. If this fails, each is tried alone, so that none fails because of another."""
    try:
        return board.deposit_many(items, on_error="return")
    except BlackboardError as error:
        if len(items) == 1:
            return [error]
    return [result for item in items for result in _deposit_each(board, [item])]


def require_deposit(call: Call, item: DepositFields) -> None:
    """Check that the caller may deposit a mark.

    Raises:
        HttpProblem: It may not.
    """
    if item.kind == DECISION:
        call.caller.require("answer")
    else:
        call.caller.require("deposit", item.kind, normalize_subject(item.subject))


def deposit_many(call: Call) -> list[Receipt]:
    """Deposit up to 1,000 marks in one transaction: all of them or none."""
    return call.board.deposit_many([as_deposit(call, item) for item in call.body.marks])


def as_deposit(call: Call, item: DepositFields) -> Deposit:
    """Return a mark to deposit.

    Raises:
        HttpProblem: The caller may not deposit it.
    """
    require_deposit(call, item)
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
    )


def marks(call: Call) -> Page:
    """List the live marks, strongest first."""
    asked: ListedMarks = call.parameters
    where: dict[str, Any] = read_filters(call.board.deployment, asked.kind, asked.tag) if asked.tag else {}
    found = call.board.marks(
        asked.kind,
        subject=asked.subject,
        min_strength=asked.min_strength,
        at=asked.at,
        limit=asked.limit + 1,
        where=where or None,
        after=None if asked.page is None else MarkPosition(*asked.page),
    )
    return Page(found, asked.limit, lambda item, number: (item.as_of.isoformat(), item.strength, item.id))


def mark(call: Call) -> MarkRecord:
    """Show one live mark."""
    return call.board.mark(call.parameters.id)


def withdraw(call: Call) -> Withdrawal:
    """Withdraw a live mark from the board. This wakes no agent."""
    asked: ChangedMark = call.parameters
    _require_change(call, asked.id)
    call.board.withdraw(asked.id, if_event=asked.if_event)
    return Withdrawal(asked.id)


def reinforce(call: Call) -> Receipt:
    """Add to the strength that a live mark has now. Its payload stays."""
    _require_change(call, call.parameters.id)
    body: Strengthening = call.body
    return call.board.reinforce(call.parameters.id, by=body.by, if_event=body.if_event)


def _require_change(call: Call, mark_id: int) -> None:
    """Check that the caller could have deposited a mark; its kind and its subject never change."""
    if not call.caller.scopes.allow("deposit"):
        call.caller.require("deposit")
    found = call.board.mark(mark_id)
    if found.kind == DECISION:
        call.caller.require("answer")
    else:
        call.caller.require("deposit", found.kind, found.subject)


def subjects(call: Call) -> Page:
    """List the subjects that ever had a mark, in alphabetical order."""
    asked: ListedSubjects = call.parameters
    found = call.board.subjects(asked.prefix, limit=asked.limit + 1, after=asked.page or "", at=asked.at)
    return Page(found, asked.limit, lambda item, number: item)


def history(call: Call) -> Page:
    """List the events of a subject's marks, oldest first."""
    asked: HistoryOfSubject = call.parameters
    found = call.board.history(asked.subject, at=asked.at, after=asked.page, limit=asked.limit + 1)
    return Page(found, asked.limit, lambda item, number: item.id)


def kinds(call: Call) -> list[KindShape]:
    """List the kinds, each with the JSON schema of its payload."""
    return [kind_shape(name, spec) for name, spec in sorted(call.board.deployment.kinds.items())]


def kind(call: Call) -> KindShape:
    """Show one kind, with the JSON schema of its payload."""
    deployment, name = call.board.deployment, call.parameters.kind
    deployment.kind(name)
    return kind_shape(name, deployment.kinds[name])


OPERATIONS = (
    Operation(
        "POST", "/v1/marks", "deposit", deposit, Receipt, body=DepositFields, takes_key=True,
        run_together=deposit_together, problems=DEPOSIT_PROBLEMS,
    ),
    Operation(
        "POST", "/v1/marks/many", "deposit", deposit_many, list[Receipt], body=DepositsFields, problems=DEPOSIT_PROBLEMS
    ),
    Operation(
        "GET", "/v1/marks", "read", marks, list[MarkRecord], ListedMarks, parameters_withheld=("subject", "tag"),
        problems=("unknown-name", "invalid"),
    ),
    Operation("GET", "/v1/marks/{id}", "read", mark, MarkRecord, OneMark, problems=("not-found",)),
    Operation(
        "DELETE", "/v1/marks/{id}", "deposit", withdraw, Withdrawal, ChangedMark, problems=("not-found", "conflict")
    ),
    Operation(
        "POST", "/v1/marks/{id}/reinforce", "deposit", reinforce, Receipt, OneMark, Strengthening,
        problems=("not-found", "conflict", "invalid-mark"),
    ),
    Operation("GET", "/v1/subjects", "read", subjects, list[str], ListedSubjects, withheld_if_redacted=True),
    Operation("GET", "/v1/history", "read", history, list[MarkEvent], HistoryOfSubject, withheld_if_redacted=True),
    Operation("GET", "/v1/kinds", "read", kinds, list[KindShape]),
    Operation("GET", "/v1/kinds/{kind}", "read", kind, KindShape, OneKind, problems=("unknown-name",)),
)  # fmt: skip
