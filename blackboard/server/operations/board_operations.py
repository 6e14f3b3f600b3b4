"""The operations on the whole board: its state, activity and pause, its deployments, queries in SQL, and erasure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from blackboard import ActivityRecord, DeploymentRecord, Finding
from blackboard.board import user_queries
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.board.diagnosis.worker_findings import MODEL
from blackboard.core.request_limits import MAX_ID, MAX_QUERY_ROWS, MAX_QUERY_SECONDS
from blackboard.presentation.json_shapes import (
    Erasure,
    Examination,
    FileSummary,
    Pause,
    QueryTable,
    Resumption,
    Summary,
    erasure,
    examination,
    summary,
)
from blackboard.server.api_framework.operation_definition import (
    CURSOR_METADATA,
    Empty,
    Fields,
    Limit,
    NoParameters,
    Operation,
    OperationCall,
    Page,
    Reason,
    RecordId,
)

MAX_SQL_CHARACTERS = 100_000
SqlValue = str | int | float | None


class ActivityParameters(Fields):
    """The part of the activity to list."""

    after: Annotated[int, Field(ge=0, le=MAX_ID)] | None = Field(
        default=None, description="Only what follows the entry with this id; by default the newest entries."
    )
    limit: Limit = 100
    cursor: Annotated[Annotated[int, Field(ge=0, le=MAX_ID)] | None, *CURSOR_METADATA] = Field(default=None)


class DeploymentListParameters(Fields):
    """The versions to list."""

    limit: Limit = 20
    cursor: Annotated[RecordId | None, *CURSOR_METADATA] = Field(default=None)


class QueryFields(Fields):
    """A query over the views."""

    text: str = Field(alias="sql", min_length=1, max_length=MAX_SQL_CHARACTERS, description="A SELECT statement.")
    limit: int = Field(default=1000, ge=1, le=MAX_QUERY_ROWS, description="The largest number of rows.")
    seconds: float = Field(default=MAX_QUERY_SECONDS, gt=0, le=MAX_QUERY_SECONDS, description="The longest time.")
    parameters: Sequence[SqlValue] | dict[str, SqlValue] = Field(
        default=(), description="The values of its placeholders: a list for ?, an object for :name."
    )
    table: bool = Field(default=False, description="Respond with an object that has the columns and the rows as lists.")


class ForgetFields(Fields):
    """The subject to forget."""

    subject: str = Field(min_length=1)


def activity(call: OperationCall[ActivityParameters, None]) -> Page[ActivityRecord]:
    """List what agents, people and programs did, oldest first."""
    parameters = call.parameters
    after = parameters.after if parameters.cursor is None else parameters.cursor
    if after is None:  # the newest entries have no further page
        return Page(call.board.activity(limit=parameters.limit), parameters.limit, lambda item, number: item.id)
    found = call.board.activity(after=after, limit=parameters.limit + 1)
    return Page(found, parameters.limit, lambda item, number: item.id)


def status(call: OperationCall[NoParameters, None]) -> FileSummary | Summary:
    """Summarize the state of the board."""
    return summary(call.board.status(), call.board.location, call.model)


def _lasting_part(shape: Summary) -> object:
    """Return the status without what also changes on an idle board: times, signs of life, and the sizes of files."""
    passing = ("as_of", "file_bytes", "log_bytes", "workers")
    workers = [replace(worker, seen_at=worker.started_at) for worker in shape.workers]
    return {name: value for name, value in vars(shape).items() if name not in passing} | {"workers": workers}


def doctor(call: OperationCall[NoParameters, None]) -> Examination:
    """Check the board for known problems, and show how to fix each."""
    findings = examine_board(call.board)
    if all(finding.name != MODEL for finding in findings):
        findings.append(Finding(MODEL, "note", call.model))
    return examination(findings)


def pause_board(call: OperationCall[NoParameters, Reason]) -> Pause:
    """Pause the whole board until it is resumed. Crossings are still recorded."""
    call.board.pause(None, call.body.reason)
    return Pause(None, call.body.reason)


def resume_board(call: OperationCall[NoParameters, Empty]) -> Resumption:
    """Resume the whole board."""
    call.board.resume(None)
    return Resumption(None)


def deployments(call: OperationCall[DeploymentListParameters, None]) -> Page[DeploymentRecord]:
    """List the versions of the deployment, newest first."""
    parameters = call.parameters
    found = call.board.deployments(before=parameters.cursor, limit=parameters.limit + 1)
    return Page(found, parameters.limit, lambda item, number: item.version)


def sql(call: OperationCall[NoParameters, QueryFields]) -> list[dict[str, Any]] | QueryTable:
    """Query the board in SQL, through its views. The header Blackboard-More shows whether there are more rows."""
    body = call.body
    result = user_queries.run_query(
        call.board, body.text, body.parameters, limit=body.limit, seconds=body.seconds, is_trusted=False
    )
    call.headers["Blackboard-More"] = "true" if result.has_more else "false"
    return QueryTable(*result) if body.table else result.records


def forget(call: OperationCall[NoParameters, ForgetFields]) -> Erasure:
    """Erase the data of a subject. This cannot be undone."""
    return erasure(call.body.subject, call.board.forget(call.body.subject))


OPERATIONS = (
    Operation("GET", "/v1/activity", scope="read", run=activity),
    Operation("GET", "/v1/status", scope="read", run=status, state=_lasting_part),
    Operation("GET", "/v1/doctor", scope="read", run=doctor),
    Operation("POST", "/v1/pause", scope="operate", run=pause_board),
    Operation("POST", "/v1/resume", scope="operate", run=resume_board),
    Operation("GET", "/v1/deployments", scope="read", run=deployments),
    Operation(
        "POST", "/v1/sql", scope="sql", run=sql, pool="sql",
        problems=("invalid-query", "query-stopped", "not-possible"),
    ),
    Operation("POST", "/v1/forget", scope="admin", run=forget, problems=("not-found", "invalid-mark")),
)  # fmt: skip
