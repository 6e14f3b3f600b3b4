"""The operations on marks: their list and search, their changes, subjects with their histories, and kinds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from blackboard import MarkEvent, MarkPosition, MarkRecord, Receipt
from blackboard.board.reading.tag_texts import read_filters
from blackboard.presentation.json_shapes import FoundMarks, KindShape, ScoredMark, Withdrawal, found_marks, kind_shape
from blackboard.server.api_framework.operation_definition import (
    CURSOR_METADATA,
    EventId,
    Fields,
    Limit,
    Name,
    NoParameters,
    OneRecord,
    Operation,
    OperationCall,
    Page,
    RecordId,
    TagParameters,
    TimeText,
)

MAX_SEARCH_CHARACTERS = 2000


class MarkListParameters(Fields):
    """The live marks to list."""

    kind: Name | None = Field(default=None, description="Only marks of this kind.")
    subject: str | None = Field(default=None, description="Only marks of this subject.")
    min_strength: float | None = Field(default=None, description="Only marks of at least this strength.")
    tag: TagParameters = ()
    at: TimeText | None = Field(default=None, description="Show the board at another time, past or future.")
    limit: Limit = 100
    cursor: Annotated[tuple[datetime, float, RecordId] | None, *CURSOR_METADATA] = Field(default=None)


class MarkSearchParameters(Fields):
    """The text to search for, and the marks to search."""

    text: str = Field(
        max_length=MAX_SEARCH_CHARACTERS, description="The words. pric* finds words that begin with pric."
    )
    kind: Name | None = Field(default=None, description="Only marks of this kind; by default all searchable kinds.")
    tag: TagParameters = ()
    any_word: bool = Field(
        default=False, alias="any", description="A mark needs only one of the words. By default, it must have all."
    )
    faded: bool = Field(default=False, description="Also find marks that have faded.")
    raw: bool = Field(
        default=False, description="The text is a query in the language of FTS5, or a tsquery of PostgreSQL."
    )
    limit: Limit = 10
    cursor: Annotated[int, Field(ge=0, le=1_000_000), *CURSOR_METADATA] = Field(default=0)


class WithdrawParameters(OneRecord):
    """A mark to withdraw, and the event after which it must not have changed."""

    if_event: EventId | None = Field(default=None, ge=1, description="Only if the mark still has this event_id.")


class ReinforceFields(Fields):
    """The strength to add to a mark, and the event after which it must not have changed."""

    by: float = Field(gt=0, description="The strength to add; the board multiplies it by the author's trust.")
    if_event: EventId | None = Field(default=None, ge=1, description="Only if the mark still has this event_id.")


class SubjectListParameters(Fields):
    """The subjects to list."""

    prefix: str = Field(default="", description="Only subjects that begin with this text.")
    at: TimeText | None = Field(default=None, description="Only subjects that had a mark up to this time.")
    limit: Limit = 100
    cursor: Annotated[str | None, *CURSOR_METADATA] = Field(default=None)


class HistoryParameters(Fields):
    """The events of a subject to list."""

    subject: str = Field(description="The subject.")
    at: TimeText | None = Field(default=None, description="Only events that were recorded up to this time.")
    limit: Limit = 100
    cursor: Annotated[RecordId | None, *CURSOR_METADATA] = Field(default=None)


class OneKind(Fields):
    """One kind by its name."""

    kind: Name


def marks(call: OperationCall[MarkListParameters, None]) -> Page[MarkRecord]:
    """List the live marks, strongest first."""
    parameters = call.parameters
    where: dict[str, Any] = (
        read_filters(call.board.deployment, parameters.kind, parameters.tag) if parameters.tag else {}
    )
    found = call.board.marks(
        parameters.kind,
        subject=parameters.subject,
        min_strength=parameters.min_strength,
        at=parameters.at,
        limit=parameters.limit + 1,
        where=where or None,
        after=None if parameters.cursor is None else MarkPosition(*parameters.cursor),
    )
    return Page(found, parameters.limit, lambda item, number: (item.as_of.isoformat(), item.strength, item.id))


def search(call: OperationCall[MarkSearchParameters, None]) -> Page[ScoredMark]:
    """Search the text of marks. The best match is first, by relevance times strength."""
    parameters = call.parameters
    start = parameters.cursor
    found = call.board.search(
        parameters.text,
        kind=parameters.kind,
        where=read_filters(call.board.deployment, parameters.kind, parameters.tag),
        limit=start + parameters.limit + 1,
        faded=parameters.faded,
        match="any" if parameters.any_word else "all",
        raw=parameters.raw,
    )
    shape = found_marks(found)
    return Page(
        shape.marks[start:],
        parameters.limit,
        lambda item, number: start + number,
        member="marks",
        others={"exact": shape.exact, "complete": shape.complete},
    )


def mark(call: OperationCall[OneRecord, None]) -> MarkRecord:
    """Show one live mark."""
    return call.board.mark(call.parameters.id)


def withdraw(call: OperationCall[WithdrawParameters, None]) -> Withdrawal:
    """Withdraw a live mark from the board. This wakes no agent."""
    parameters = call.parameters
    _require_change(call, parameters.id)
    call.board.withdraw(parameters.id, if_event=parameters.if_event)
    return Withdrawal(parameters.id)


def reinforce(call: OperationCall[OneRecord, ReinforceFields]) -> Receipt:
    """Add to the strength that a live mark has now. Its payload does not change."""
    _require_change(call, call.parameters.id)
    body = call.body
    return call.board.reinforce(call.parameters.id, by=body.by, if_event=body.if_event)


def _require_change(call: OperationCall[object, object], mark_id: int) -> None:
    """Check that the caller could have deposited a mark; its kind and its subject never change."""
    call.caller.require("deposit")
    found = call.board.mark(mark_id)
    call.caller.require_change(found.kind, found.subject)


def subjects(call: OperationCall[SubjectListParameters, None]) -> Page[str]:
    """List the subjects that ever had a mark, in alphabetical order."""
    parameters = call.parameters
    found = call.board.subjects(
        parameters.prefix, limit=parameters.limit + 1, after=parameters.cursor or "", at=parameters.at
    )
    return Page(found, parameters.limit, lambda item, number: item)


def history(call: OperationCall[HistoryParameters, None]) -> Page[MarkEvent]:
    """List the events of a subject's marks, oldest first."""
    parameters = call.parameters
    found = call.board.history(
        parameters.subject, at=parameters.at, after=parameters.cursor, limit=parameters.limit + 1
    )
    return Page(found, parameters.limit, lambda item, number: item.id)


def kinds(call: OperationCall[NoParameters, None]) -> list[KindShape]:
    """List the kinds, each with the JSON schema of its payload."""
    return [kind_shape(name, spec) for name, spec in sorted(call.board.deployment.kinds.items())]


def kind(call: OperationCall[OneKind, None]) -> KindShape:
    """Show one kind, with the JSON schema of its payload."""
    deployment, name = call.board.deployment, call.parameters.kind
    deployment.kind(name)
    return kind_shape(name, deployment.kinds[name])


OPERATIONS = (
    Operation(
        "GET", "/v1/marks", scope="read", run=marks, parameters_withheld=("subject", "tag"),
        problems=("unknown-name", "invalid"),
    ),
    Operation(
        "GET", "/v1/search", scope="read", run=search, other_response=FoundMarks, parameters_withheld=("text",),
        problems=("unknown-name", "invalid-search"),
    ),
    Operation("GET", "/v1/marks/{id}", scope="read", run=mark, problems=("not-found",)),
    Operation("DELETE", "/v1/marks/{id}", scope="deposit", run=withdraw, problems=("not-found", "conflict")),
    Operation(
        "POST", "/v1/marks/{id}/reinforce", scope="deposit", run=reinforce,
        problems=("not-found", "conflict", "invalid-mark"),
    ),
    Operation("GET", "/v1/subjects", scope="read", run=subjects, withheld_if_redacted=True),
    Operation("GET", "/v1/history", scope="read", run=history, withheld_if_redacted=True),
    Operation("GET", "/v1/kinds", scope="read", run=kinds),
    Operation("GET", "/v1/kinds/{kind}", scope="read", run=kind, problems=("unknown-name",)),
)  # fmt: skip
