"""Queries about marks: the marks at any instant, their events and their subjects."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice, takewhile
from typing import Any, TypeVar

from blackboard.board.mark_changes.mark_lookup import live_mark
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.mark_tables import filtered_marks
from blackboard.board.mark_tables.mark_states import backfilled_row, mark_strength, marks_with_strength
from blackboard.board.mark_tables.strongest_marks import strongest
from blackboard.board.reading import past_marks
from blackboard.board.reading.past_marks import MarkAt
from blackboard.board.result_types.mark_results import MarkEvent, MarkPosition, MarkRecord
from blackboard.board.result_types.row_conversion import optional_datetime, result_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant, first_instant_of_days, from_datetime, seconds_in, to_datetime
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.mark_model import Mark, StoredMark
from blackboard.core.marks.tags import TagFilter, Where
from blackboard.errors import InvalidMark, UnknownName, UsageError
from blackboard.store.live_mark_statements import live_marks
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.statements import MARKS

M = TypeVar("M", bound=Mark)
SAME_STRENGTH = 1e-12
"""The largest relative difference between a strength in Python and in SQL, which round differently."""


@dataclass(frozen=True)
class MarkQuery:
    """The conditions that the requested marks meet."""

    subject: str | None = None
    """Only marks of this subject."""
    min_strength: float | None = None
    """Only marks of at least this strength."""
    at: Instant | None = None
    """Another instant than now."""
    limit: int | None = None
    """The largest number of marks."""
    where: Where | None = None
    """Only marks whose tags have these values."""
    after: MarkPosition | None = None
    """Only marks that come after a position, as of its instant."""

    def __post_init__(self) -> None:
        if self.min_strength is not None and math.isnan(self.min_strength):
            raise UsageError("min_strength must be a number, not nan")

    def is_strong(self, strength: float) -> bool:
        """Return whether a strength is high enough."""
        return self.min_strength is None or strength >= self.min_strength

    def is_after_position(self, item: MarkAt) -> bool:
        """Return whether a mark comes after the position."""
        return self.after is None or (-item.strength, item.row.id) > (-self.after.strength, self.after.mark_id)


def marks(txn: BoardTransaction, kind: str | None, query: MarkQuery) -> list[MarkRecord]:
    """Return the marks that are live now, or at another instant, strongest first.

    Raises:
        UnknownName: The kind is not registered, or has no tag that the query names.
        UsageError: A value cannot be the value of a tag.
    """
    if kind is not None:
        txn.kind(kind)  # the kind must exist
    return [record_of(*item) for item in _marks(txn, kind, query)]


def record_of(row: MarkRow, weight: float, strength: float, as_of: Instant) -> MarkRecord:
    """Return a mark as it is shown, with the weight of its kind and its strength at an instant."""
    return MarkRecord(  # not by `result_of`: a board may return thousands
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        payload=json.loads(row.payload),
        author=row.author,
        weight=weight,
        intensity=row.intensity,
        strength=strength,
        law=row.law,
        deposited_at=to_datetime(row.deposited_at),
        reinforced_at=to_datetime(row.reinforced_at),
        occurred_at=to_datetime(row.occurred_at),
        recorded_at=to_datetime(row.reinforced_at),
        fades_from=to_datetime(row.anchored_at),
        evaporates_at=optional_datetime(row.evaporates_at),
        as_of=to_datetime(as_of),
        age_seconds=seconds_in(max(0, as_of - row.anchored_at)),
        reinforcements=row.reinforcements,
        event_id=row.event_id,
        activation_id=row.activation_id,
        own_law=bool(row.own_law),
    )


def marks_of_class(
    txn: BoardTransaction, mark_class: type[M], classes: MarkClasses, query: MarkQuery
) -> tuple[list[M], list[str]]:
    """Return the live marks of a class, strongest first, and the errors of marks that do not fit the class.

    Raises:
        UnknownName: The kind has no tag that the query names.
        UsageError: A value cannot be the value of a tag.
    """
    readable: list[M] = []
    unreadable: list[str] = []
    if mark_class.kind not in txn.deployment.kinds:
        mark_class.defaults.tag_schema.filter(query.where or {})
        return readable, unreadable
    for row, _, strength, _ in _marks(txn, mark_class.kind, query):
        try:
            readable.append(classes.make_as(mark_class, row, state_on_board(row, strength)))
        except InvalidMark as error:
            unreadable.append(str(error))
    return readable, unreadable


def state_on_board(row: MarkRow, strength: float) -> StoredMark:
    """Return the state of a mark on the board, with its strength at an instant."""
    return StoredMark(
        row.id,
        row.event_id,
        row.author,
        strength,
        row.deposited_at,
        row.reinforced_at,
        row.reinforcements,
        row.occurred_at,
    )


def _marks(txn: BoardTransaction, kind: str | None, query: MarkQuery) -> list[MarkAt]:
    if kind is not None or not query.where:
        return _marks_of(txn, kind, query)
    kinds = filtered_marks.kinds_with_tags(txn, query.where)
    return _in_order(item for name in kinds for item in _marks_of(txn, name, query))[: query.limit]


def _marks_of(txn: BoardTransaction, kind: str | None, query: MarkQuery) -> list[MarkAt]:
    """Return the marks of one kind, or of all kinds if the query has no tags."""
    tags = None if kind is None else filtered_marks.filter_of(txn, kind, query.where)
    if query.at is not None and query.at < txn.now:
        past: Iterable[MarkAt] | None = None
        if kind is not None and query.limit is not None and (query.subject, query.after, tags) == (None, None, None):
            past = past_marks.strongest_at(txn, kind, query.limit, query.at)
        if past is None:
            past = past_marks.all_at(txn, kind, query.subject, query.at, tags)
        return _in_order(item for item in past if query.is_strong(item.strength) and query.is_after_position(item))[
            : query.limit
        ]
    if query.limit is not None and (query.subject, query.at, query.after) == (None, None, None):
        return [item for item in _strongest(txn, kind, query.limit, tags) if query.is_strong(item.strength)]
    return _live_marks(txn, kind, query, tags)


def _live_marks(txn: BoardTransaction, kind: str | None, query: MarkQuery, tags: TagFilter | None) -> list[MarkAt]:
    """Return the live marks, now or at a later instant if they only fade until then."""
    options = {"kind": kind, "subject": query.subject, "min_strength": query.min_strength, "limit": query.limit}
    values: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if kind is None and query.subject is not None:
        # The index of subjects begins with the kind.
        values["kinds"] = txn.sql.list_of(txn.deployment.kinds)
    names = [*values] if query.after is None else [*values, "after"]
    number = 0
    if tags is not None:
        tags, _ = filtered_marks.rarest_first(txn, tags)
        number = len(tags.keys)
        values |= filtered_marks.parameters(txn, tags)
    as_of = query.at
    if as_of is None:
        as_of = txn.now if query.after is None else from_datetime(query.after.as_of)
    rows = marks_with_strength(txn, live_marks(*names, tags=number), as_of=as_of, **values, **_bounds(query.after))
    return [MarkAt(backfilled_row(txn, row.mark), row.weight, row.strength, as_of) for row in rows]


def _bounds(after: MarkPosition | None) -> dict[str, Any]:
    """Return the parameters for a list of only the marks that follow a position.

    Python and SQL may compute a strength differently in its last digits, so almost equal strengths are in the order of
    their ids.
    """
    if after is None:
        return {}
    margin = SAME_STRENGTH * after.strength
    return {
        "after_id": after.mark_id,
        "at_most": after.strength + margin,
        "strictly_below": after.strength - margin,
    }


def _in_order(items: Iterable[MarkAt]) -> list[MarkAt]:
    return sorted(items, key=lambda item: (-item.strength, item.row.id))


def _strongest(txn: BoardTransaction, kind: str | None, limit: int, tags: TagFilter | None) -> list[MarkAt]:
    """Return the strongest live marks now.

    The first few marks of each kind are read from the index, so no marks are sorted, however large the board is.
    """
    kinds = [kind] if kind else txn.deployment.kinds
    pairs = [pair for name in kinds for pair in strongest(txn, name, limit, tags=tags, oldest_first=True)]
    pairs.sort(key=lambda pair: (-pair[1], pair[0].id))
    return [
        MarkAt(backfilled_row(txn, row), txn.kind(row.kind).weight, strength, txn.now)
        for row, strength in pairs[:limit]
    ]


def history(
    txn: BoardTransaction,
    subject: str,
    *,
    at: Instant | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> list[MarkEvent]:
    """Return the events of a subject's marks, oldest first, up to an instant and after another event."""
    options = {name: value for name, value in (("at", at), ("after", after), ("limit", limit)) if value is not None}
    return [
        event_record(row) for row in txn.sql.all(MARKS.events_of_subject.using(*options), subject=subject, **options)
    ]


def newest_of_subject(txn: BoardTransaction, subject: str, limit: int, before: int | None = None) -> list[MarkEvent]:
    """Return the last events of a subject, newest first: of all events, or of the events before one of them."""
    options = {} if before is None else {"before": before}
    statement = MARKS.newest_of_subject.using(*options)
    return [event_record(row) for row in txn.sql.all(statement, subject=subject, limit=limit, **options)]


def law(txn: BoardTransaction, text: str) -> Decay:
    """Return the decay law with a text, such as the text in `MarkRecord.law`.

    Raises:
        UnknownName: No mark of this board ever had such a law.
        InvalidLaw: The law is not known to this program.
    """
    if txn.sql.one(MARKS.find_law, law=text) is None:
        raise UnknownName("law", text, ())
    return txn.laws.get(txn.sql, text)


def mark(txn: BoardTransaction, mark_id: int) -> MarkRecord:
    """Return one live mark.

    Raises:
        NotFound: There is no live mark with this id; the message says how it left the board.
    """
    row = live_mark(txn, mark_id)
    return record_of(row, txn.kind(row.kind).weight, mark_strength(txn, row), txn.now)


def event_record(row: EventRow) -> MarkEvent:
    """Return an event as it is shown."""
    return result_of(MarkEvent, row, payload=None if row.payload is None else json.loads(row.payload))


def subjects(
    txn: BoardTransaction, prefix: str, limit: int, *, after: str = "", at: Instant | None = None
) -> list[str]:
    """Return the next subjects in the history after `after`, in alphabetical order, that begin with `prefix`."""
    start, options = max(prefix, after), {} if at is None else {"at": at}
    following = txn.sql.each(MARKS.next_subject.using(*options), after=start, **options)
    itself = [prefix] if prefix > after and history(txn, prefix, at=at, limit=1) else []
    return [*islice(chain(itself, takewhile(lambda subject: subject.startswith(prefix), following)), limit)]


def tag_values(txn: BoardTransaction, tag: str, kind: str | None, limit: int) -> list[str | bool | int | float]:
    """Return the first values that a tag of live marks has. A text that is stored only as a digest is left out."""
    names = [name for name, spec in txn.deployment.kinds.items() if kind in (None, name) and tag in spec.tags]
    keys = (key for name in names for key in txn.sql.each(MARKS.next_tag_value, after="", kind=name, tag=tag))
    shown = (json.loads(key) for key in dict.fromkeys(keys) if not key.startswith("#"))
    return [*islice(shown, limit)]


def faded_unseen(txn: BoardTransaction, days: int) -> int:
    """Return how many marks evaporated without being given to an agent, in a number of days up to today."""
    return txn.sql.value(MARKS.count_faded_unseen, since=first_instant_of_days(txn.now, days))
