"""The rows of the tables for the full-text index."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.store.row_types.column_types import Id


class SearchKindRow(NamedTuple):
    """A row of `search_kind`: the full-text index of a kind, or a former one that is being removed."""

    number: int
    kind: str
    phase: str
    """What is being done: see `search_documents.Phase`."""
    position: Id
    """How far this work has come: the id of the last event, or of the last document."""
    up_to: Id
    """The last event with which the index will be filled."""


class SearchFieldRow(NamedTuple):
    """A row of `search_field`: a field of the payload whose text is in an index."""

    number: int
    position: int
    path: str
    """The path of the field, as the JSON functions of SQLite take it."""


class SearchDocRow(NamedTuple):
    """A row of `search_doc`: a document of the full-text index, with the text of one mark."""

    id: Id
    """The low 40 bits hold the id of the mark, and the bits above them the number of the index."""
    event_id: Id
    """The event that holds the payload."""


class DocText(NamedTuple):
    """A document of the full-text index, and the payload that holds its text."""

    id: Id
    payload: str | None


class FoundDoc(NamedTuple):
    """A document of the full-text index that matches a query."""

    id: Id
    relevance: float


class MarkStrength(NamedTuple):
    """The strength of a live mark; None under a law that this process does not know."""

    id: Id
    strength: float | None
