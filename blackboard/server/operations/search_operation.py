"""The operation that searches the text of marks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from blackboard.board.json_shapes import FoundMarks, ScoredMark, found_marks
from blackboard.board.reading.tag_texts import read_filters
from blackboard.server.request_handling.operation_definition import (
    Call,
    Encoded,
    Fields,
    Limit,
    Name,
    Operation,
    Page,
    TagParameters,
)

MAX_SEARCH_CHARACTERS = 2000


class SearchedText(Fields):
    """The text to search for, and the marks to search."""

    text: str = Field(
        max_length=MAX_SEARCH_CHARACTERS, description="The words. pric* stands for every word that begins with it."
    )
    kind: Name | None = Field(default=None, description="Only marks of this kind; by default all that are searched.")
    tag: TagParameters = ()
    any_word: bool = Field(
        default=False, alias="any", description="Whether a mark needs only one of the words; otherwise all."
    )
    faded: bool = Field(default=False, description="Whether marks that have faded are found, too.")
    raw: bool = Field(
        default=False, description="Whether the text is a query in the language of FTS5, or a tsquery on PostgreSQL."
    )
    limit: Limit = 10
    page: Annotated[int, Field(ge=0, le=1_000_000), *Encoded] = Field(default=0, alias="cursor")


def search(call: Call[SearchedText, None]) -> Page[ScoredMark]:
    """Search the text of marks. The best match is first, by relevance times strength."""
    parameters = call.parameters
    start = parameters.page
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


OPERATIONS = (
    Operation(
        "GET", "/v1/search", scope="read", run=search, other_response=FoundMarks, parameters_withheld=("text",),
        problems=("unknown-name", "invalid-search"),
    ),
)  # fmt: skip
