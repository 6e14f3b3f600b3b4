"""The definition of an operation. The routes, the checks and OpenAPI follow from the table of all operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from blackboard import Blackboard
from blackboard.core.request_limits import MAX_ID, MAX_PAGE_ITEMS
from blackboard.presentation.page_cursors import decode_cursor
from blackboard.server.access.token_checks import Caller

ItemT = TypeVar("ItemT")
ParametersT = TypeVar("ParametersT", covariant=True)
BodyT = TypeVar("BodyT", covariant=True)
OtherBodyT = TypeVar("OtherBodyT")


RecordId = Annotated[int, Field(ge=1, le=MAX_ID)]
EventId = Annotated[int, Field(ge=0, le=MAX_ID)]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE_ITEMS, description="The largest number of items.")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
TimeText = Annotated[str, Field(description="A time, such as 2027-01-31T15:00:00Z.", examples=["2027-01-31T15:00:00Z"])]

TagParameters = Annotated[
    Sequence[str],
    Field(
        description="Only marks with this tag, as NAME=VALUE. All named tags must match; several values of one tag are"
        " alternatives."
    ),
]


CURSOR_METADATA = (
    BeforeValidator(decode_cursor),
    WithJsonSchema({"type": "string", "description": "Where the page begins, as the header Link of a page names it."}),
)
"""The metadata of `Annotated` that makes a field a cursor. The type of the field is the type of the position."""


class Fields(BaseModel):
    """The parameters or the body of an operation. Unknown names are mistakes.

    The name of a class of parameters ends in `Parameters`, or begins with `One` if they only identify something. The
    name of the class of a body ends in `Fields`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NoParameters(Fields):
    """An operation without parameters."""


class OneRecord(Fields):
    """One record by its id. The path says which type of record it is."""

    id: RecordId


class Empty(Fields):
    """A body without fields."""


class Reason(Fields):
    """The reason of a pause."""

    reason: Annotated[str, Field(max_length=1000)] | None = None


@dataclass(frozen=True)
class Page(Generic[ItemT]):
    """A page of a list."""

    items: Sequence[ItemT]
    """The items of the page, and one more item if there are more pages."""
    limit: int
    """The number of items that the page shows."""
    position: Callable[[ItemT, int], object]
    """Returns where the next page begins, from the last item of this page and the number of its items."""
    member: str = ""
    """The member of the response that has the items; "" if the response is the list."""
    others: Mapping[str, object] = field(default_factory=dict)
    """The other members of the response, by name."""


@dataclass(frozen=True)
class OperationCall(Generic[ParametersT, BodyT]):
    """One request for an operation, with the types of its parameters and of its body."""

    board: Blackboard
    """The board, in the name of the caller."""
    caller: Caller
    """Who asks."""
    parameters: ParametersT
    """The parameters of the path and of the query."""
    body: BodyT
    """The body; None if the operation has none."""
    key: str | None
    """The idempotency key in its header."""
    model: str
    """The provider and the model that a daemon would use, as text."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of the response, which the operation may add to."""
    last_event_id: str | None = None
    """The header `Last-Event-ID`: the position that a client of an event stream has reached."""
    traceparent: str | None = None
    """The trace context in its header `traceparent`; None without a valid header."""

    def with_body(self, body: OtherBodyT) -> OperationCall[ParametersT, OtherBodyT]:
        """Return the same request with a body."""
        fields = {name: value for name, value in vars(self).items() if name != "body"}
        return OperationCall(**fields, body=body)


@dataclass(frozen=True)
class Operation:
    """One operation, which a function runs.

    The annotation `OperationCall[Parameters, Body]` of the function names the types of the parameters and of the body.
    So mypy checks that the function uses only what a request has. The result of the function is the response, and the
    first line of its docstring describes the operation.
    """

    method: Literal["GET", "POST", "DELETE"]
    """The HTTP method."""
    path: str
    """The path, with the names of its parameters in braces."""
    _: KW_ONLY
    scope: str
    """The scope that a token needs. A token with `read-redacted` may also use an operation of `read`, unless
    `withheld_if_redacted`.
    """
    run: Callable[[OperationCall[Any, Any]], Any]
    """Runs it."""
    line: type[Fields] | None = None
    """The type of a line, if the body has a line of JSON for each item; None for any other body."""
    other_response: Any = None
    """The type of the response; None if it is the type of the function's result."""
    withheld_if_redacted: bool = False
    """Whether the operation refuses a token with `read-redacted`, because all of the response would be hidden."""
    parameters_withheld: tuple[str, ...] = ()
    """Parameters that a token with `read-redacted` may not use: the response could confirm a guess of a hidden text."""
    takes_key: bool = False
    """Whether the operation takes the header `Idempotency-Key`."""
    state: Callable[[Any], object] | None = None
    """Returns the part of a response from which its ETag is made; None for a response without an ETag."""
    waits: bool = False
    """Whether it waits for work, without a thread. If no work comes, the response is empty (204)."""
    run_together: Callable[[Sequence[OperationCall[Any, Any]]], Sequence[Any]] | None = None
    """Runs several calls together, and returns the response or the error of each; None if each call has a thread."""
    is_event_stream: bool = False
    """Whether the response is a stream of server-sent events, which `run` chooses."""
    pool: Literal["board", "sql"] = "board"
    """The pool of threads that it runs in."""
    problems: tuple[str, ...] = ()
    """The types of problems that it may respond with, in addition to the problems of every operation."""

    @property
    def name(self) -> str:
        """Its name, which is the name of its function."""
        return self.run.__name__

    @property
    def summary(self) -> str:
        """A line that describes it."""
        return (self.run.__doc__ or "").partition("\n")[0]

    @cached_property
    def parameters(self) -> type[Fields]:
        """The type of the parameters of the path and of the query."""
        found: type[Fields] = self._types_of_call[0]
        return found

    @cached_property
    def body(self) -> type[BaseModel] | None:
        """The type of the body, or of each of its lines; None if it has none."""
        found = self._types_of_call[1]
        return self.line or (None if found is type(None) else found)

    @cached_property
    def response(self) -> Any:
        """The type of its response. The response of a page is the list of its items."""
        if self.other_response is not None:
            return self.other_response
        result = self._types["return"]
        return list[get_args(result)[0]] if get_origin(result) is Page else result  # type: ignore[misc]

    @property
    def _types_of_call(self) -> tuple[Any, ...]:
        return get_args(self._types["call"])

    @cached_property
    def _types(self) -> Mapping[str, Any]:
        return get_type_hints(self.run)
