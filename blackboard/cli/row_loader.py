"""Makes marks of rows and leaves them on a board in batches; a row that cannot be a mark is told of, and none is lost.

Every row carries a key made of its kind and content, so loading a file twice adds nothing. The second of two equal
rows in one file is a mark of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from blackboard.board.blackboard import Blackboard, Deposit
from blackboard.cli.row_reader import BadRow, Row, Rows
from blackboard.errors import InvalidMark, UsageError, nearest

__all__ = ["Columns", "Loaded", "load"]

BATCH = 500
"""Rows in one transaction: few enough that a daemon hardly waits."""


@dataclass(frozen=True)
class Columns:
    """How a row becomes a mark."""

    kind: str
    subject: Sequence[str]
    """Columns; the first that is not empty is the subject."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The field for a column; an empty one leaves the column out."""
    intensity: float | str = 1.0
    """A number, or the column that has it."""


@dataclass
class Loaded:
    """What became of the rows."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """How many were deposited, reinforced, unchanged, duplicate."""
    rejected: int = 0
    crossed: Counter[str] = field(default_factory=Counter)
    """For how many rows each agent's watch crossed."""
    unseen: tuple[str, ...] = ()
    """Columns that were named and that no row has."""
    columns: frozenset[str] = frozenset()
    """Those that there are."""


def load(
    board: Blackboard, rows: Rows, how: Columns, reject: Callable[[BadRow], None], progress: Callable[[], None]
) -> Loaded:
    """Leave a mark for each row.

    Args:
        reject: called for each row that cannot be one.
        progress: called after each batch.

    Raises:
        UsageError: columns that the kind has no field for, or that do not exist.
        UnknownName: no such kind is registered.
    """
    known = _fields(board, how.kind)
    how = _checked(how, rows, known)
    loaded, keys = Loaded(), _Keys(how.kind)

    seen: set[str] = set()
    for batch in _batches(rows):
        known_before = bool(seen)
        seen.update(*(row.values for row in batch if isinstance(row, Row)))
        if seen and not known_before:
            _occur(how, rows.name, seen)
        bad: list[BadRow] = []
        wanted: list[tuple[Row, Deposit]] = []
        for row in batch:
            if isinstance(row, BadRow):
                bad.append(row)
                continue
            key = keys.of(row)
            try:
                wanted.append((row, _leave(row, how, known, key)))
            except InvalidMark as error:
                bad.append(BadRow(row.number, str(error), row.raw))
        results = board.leave_many([leave for _, leave in wanted])
        for (row, _), result in zip(wanted, results, strict=True):
            if isinstance(result, InvalidMark):
                bad.append(BadRow(row.number, str(result), row.raw))
            else:
                loaded.outcomes[result.outcome] += 1
                loaded.crossed.update(result.crossed)
        for row in sorted(bad, key=lambda row: row.number):
            reject(row)
        loaded.rejected += len(bad)
        progress()
    loaded.unseen = tuple(column for column in (*how.subject, *how.fields) if seen and column not in seen)
    loaded.columns = frozenset(seen)
    return loaded


def _fields(board: Blackboard, kind: str) -> frozenset[str] | None:
    """The fields of a kind's payload; None where it takes any."""
    deployment = board.deployment
    deployment.kind(kind)  # or an error that names the nearest
    schema = deployment.kinds[kind].payload
    if schema is None or schema.get("additionalProperties", True) is not False:
        return None
    return frozenset(schema.get("properties", {}))


def _checked(how: Columns, rows: Rows, known: frozenset[str] | None) -> Columns:
    """The mapping, if the columns and fields that it names exist."""
    if known is not None:
        for column, name in how.fields.items():
            if name and name not in known:
                raise UsageError(f"--map {column}={name}: {how.kind} has no field {name!r}{nearest(name, known)}")
    if rows.columns is None:  # JSON Lines: each row has its own
        return how
    named = [*how.subject, *how.fields, *([how.intensity] if isinstance(how.intensity, str) else [])]
    for column in named:
        if column not in rows.columns:
            raise UsageError(f"{rows.name} has no column {column!r}{nearest(column, rows.columns)}")
    if known is not None:
        used = {*how.subject, how.intensity, *how.fields}
        strange = [column for column in rows.columns if column not in known and column not in used]
        if strange:
            raise UsageError(
                f"{how.kind} has no field for {', '.join(map(repr, strange))}; say --map {strange[0]}=FIELD,"
                f" or --map {strange[0]}= to leave it out; its fields are: {', '.join(sorted(known))}"
            )
    return how


def _occur(how: Columns, name: str, seen: Set[str]) -> None:
    """Of JSON Lines: whether the first rows have any column of the subject, and that of the intensity.

    Raises:
        UsageError: no row could be a mark; nothing was loaded.
    """
    if seen.isdisjoint(how.subject):
        column = how.subject[0]
        raise UsageError(f"{name}: its first rows have no column {column!r} for the subject{nearest(column, seen)}")
    if isinstance(how.intensity, str) and how.intensity not in seen:
        raise UsageError(
            f"{name}: its first rows have no column {how.intensity!r} for the intensity{nearest(how.intensity, seen)}"
        )


def _leave(row: Row, how: Columns, known: frozenset[str] | None, key: str) -> Deposit:
    """The mark that a row asks for.

    Raises:
        InvalidMark: it has no subject, or no intensity that is a number.
    """
    values = row.values
    subject = next((text for column in how.subject if (text := _text(values.get(column)))), None)
    if subject is None:
        raise InvalidMark(f"no subject: {' and '.join(how.subject)} {'is' if len(how.subject) == 1 else 'are'} empty")
    left_out = {*how.subject, how.intensity} - (known if known is not None else values.keys())
    payload = {}
    for column, value in values.items():
        name = how.fields.get(column, "" if column in left_out else column)
        # An empty cell says nothing, so the field keeps its default.
        if not name or (isinstance(value, str) and not value.strip()):
            continue
        if name in payload:
            raise InvalidMark(f"two columns give the field {name!r}")
        payload[name] = value
    return Deposit(how.kind, subject, payload, _intensity(values, how), key)


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, bool | list | dict) else str(value).strip()


def _intensity(values: Mapping[str, Any], how: Columns) -> float:
    if not isinstance(how.intensity, str):
        return how.intensity
    value = values.get(how.intensity)
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidMark(f"{how.intensity}: intensity must be a number, not {value!r}") from None


class _Keys:
    """A key for each row: of its kind and content, and of how often that content came before."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._seen: dict[bytes, int] = {}

    def of(self, row: Row) -> str:
        text = json.dumps([self._kind, row.values], sort_keys=True, ensure_ascii=True)
        digest = hashlib.sha256(text.encode()).digest()[:16]
        before = self._seen.get(digest, 0)
        self._seen[digest] = before + 1
        return f"load:{digest.hex()}" + (f":{before + 1}" if before else "")


def _batches(rows: Iterable[Row | BadRow]) -> Iterator[list[Row | BadRow]]:
    batch: list[Row | BadRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
