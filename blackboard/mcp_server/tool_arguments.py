"""The arguments of each tool. A model reads their JSON schemas before it does anything, so the schemas are short."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema

from blackboard.core.records.states import MAX_REASON_CHARACTERS
from blackboard.core.request_limits import MAX_ID
from blackboard.presentation.page_cursors import decode_cursor
from blackboard.presentation.untrusted_data import MAX_RESULT_ITEMS

MAX_SHOWN_ROWS = 200

IdArgument = Annotated[int, Field(ge=1, le=MAX_ID), WithJsonSchema({"type": "integer"})]
EventIdArgument = Annotated[int, Field(ge=0, le=MAX_ID), WithJsonSchema({"type": "integer"})]
LimitArgument = Annotated[int, Field(ge=1, le=MAX_RESULT_ITEMS)]


Cursor = Annotated[Any, BeforeValidator(decode_cursor), WithJsonSchema({"type": "string"})]


class Arguments(BaseModel):
    """The arguments of a tool. Unknown names are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DepositArguments(Arguments):
    """A mark to deposit."""

    kind: str
    subject: str = Field(description="What it is about")
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    intensity: Annotated[float, Field(ge=0)] | None = Field(default=None, description="Default 1")
    key: str | None = Field(default=None, description="Idempotency key: the same key again changes nothing")
    if_event: EventIdArgument | None = Field(
        default=None, description="Only if the live mark still has this event_id; 0: only if there is no live mark"
    )


class FindArguments(Arguments):
    """The arguments of `find`: the marks to find."""

    text: str | None = Field(default=None, max_length=2000, description="Words to search for")
    kind: str | None = None
    subject: str | None = None
    tags: list[str] = Field(default_factory=list, description="NAME=VALUE")
    min_strength: float | None = None
    history: bool = Field(default=False, description="All events of the subject instead, oldest first")
    at: str | None = Field(default=None, description="Another time, past or future: 2027-01-31T15:00:00Z")
    limit: LimitArgument = 20
    cursor: Cursor | None = None


class ExplainArguments(Arguments):
    """The agent to explain, and for which subject."""

    agent: str
    subject: str | None = None


class AgendaArguments(Arguments):
    """The part of the agenda to list."""

    limit: LimitArgument = 20
    cursor: Cursor | None = None


class AnswerArguments(Arguments):
    """An answer to a need."""

    need_id: IdArgument = Field(description="Its id")
    text: str = Field(description="One of the options of the need, if it has options")


class QueryArguments(Arguments):
    """A query over the views."""

    sql: str = Field(max_length=20_000)
    limit: Annotated[int, Field(ge=1, le=MAX_SHOWN_ROWS)] = 50


class ClaimArguments(Arguments):
    """A claim, or the extension of a claim."""

    agent: str
    lease: str = Field(default="30m", description="1s to 1d")
    extend: IdArgument | None = Field(default=None, description="Id of a claim to extend, with its fence")
    fence: IdArgument | None = None


class FinishArguments(Arguments):
    """The end of the run of an activation."""

    agent: str
    id: IdArgument
    fence: IdArgument
    result: dict[str, JsonValue] | None = Field(
        default=None,
        description="{} or {marks: [{kind, subject, payload, key}], withdrawals: [{mark_id}],"
        " reinforcements: [{mark, by}]}",
    )
    failed: str | None = Field(
        default=None, max_length=MAX_REASON_CHARACTERS, description="Why it failed, instead of a result"
    )
    retry: bool = Field(default=True, description="Whether another attempt may succeed")


def input_schema(arguments: type[Arguments]) -> dict[str, Any]:
    """Return the JSON schema of the arguments of a tool, without the parts that a model does not need."""
    schema: dict[str, Any] = _shortened_schema(arguments.model_json_schema())
    return {name: schema[name] for name in ("type", "properties", "required") if name in schema}


def _shortened_schema(value: Any) -> Any:
    """Return a part of a JSON schema without titles, and with a single type for an optional value."""
    if isinstance(value, list):
        return [_shortened_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    shown: dict[str, Any] = {}
    for name, item in value.items():
        if name == "properties":
            shown[name] = {field: _shortened_schema(schema) for field, schema in item.items()}
        elif name == "anyOf" and {"type": "null"} in item:
            [kept] = [_shortened_schema(choice) for choice in item if choice != {"type": "null"}]
            shown |= kept
        elif name not in ("title", "additionalProperties") and (name, item) not in (("default", None), ("default", [])):
            shown[name] = item if name == "description" else _shortened_schema(item)
    return shown
