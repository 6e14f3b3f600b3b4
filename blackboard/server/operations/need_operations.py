"""The operations on needs: the inbox, answers, decisions and assignments."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from blackboard import MarkEvent, NeedRecord
from blackboard.presentation.json_shapes import AnswerReceipt, Assignment, answer_result
from blackboard.server.api_framework.operation_definition import (
    CURSOR_METADATA,
    Fields,
    Limit,
    OneRecord,
    Operation,
    OperationCall,
    Page,
)


class InboxParameters(Fields):
    """The needs to list."""

    assignee: str | None = Field(default=None, description="Only the needs that this person should answer.")
    all: bool = Field(default=False, description="Also show needs that agents are working on.")
    limit: Limit = 100
    cursor: Annotated[int, Field(ge=0, le=1_000_000), *CURSOR_METADATA] = Field(default=0)


class AnswerFields(Fields):
    """An answer to a need."""

    text: str = Field(description="The answer: one of the need's options, if it has options.")
    any_answer: bool = Field(default=False, description="Allow an answer that is not one of the options.")


class AssigneeFields(Fields):
    """The person who should answer a need."""

    assignee: str = Field(description="The person who should answer; an empty name removes the assignment.")


def inbox(call: OperationCall[InboxParameters, None]) -> Page[NeedRecord]:
    """List the needs that wait for a person, overdue needs first."""
    parameters = call.parameters
    found = call.board.inbox(parameters.assignee, all_needs=parameters.all)[
        parameters.cursor : parameters.cursor + parameters.limit + 1
    ]
    return Page(found, parameters.limit, lambda item, number: parameters.cursor + number)


def answer(call: OperationCall[OneRecord, AnswerFields]) -> AnswerReceipt:
    """Answer a need: deposit a decision, which wakes the agents that watch for it."""
    body = call.body
    return answer_result(
        call.parameters.id, call.board.answer(call.parameters.id, body.text, any_answer=body.any_answer)
    )


def decision(call: OperationCall[OneRecord, None]) -> MarkEvent:
    """Show the decision that answered a need."""
    return call.board.decision(call.parameters.id)


def assign(call: OperationCall[OneRecord, AssigneeFields]) -> Assignment:
    """Assign a need to a person, who should answer it. The history records the assignment."""
    need, assignee = call.parameters.id, call.body.assignee
    call.board.assign(need, assignee)
    return Assignment(need, assignee)


OPERATIONS = (
    Operation("GET", "/v1/inbox", scope="read", run=inbox, parameters_withheld=("assignee",)),
    Operation("POST", "/v1/inbox/{id}/answer", scope="answer", run=answer, problems=("not-found", "invalid-mark")),
    Operation(
        "GET", "/v1/inbox/{id}/decision", scope="read", run=decision, withheld_if_redacted=True,
        problems=("not-found",),
    ),
    Operation("POST", "/v1/inbox/{id}/assign", scope="operate", run=assign, problems=("not-found", "invalid-mark")),
)  # fmt: skip
