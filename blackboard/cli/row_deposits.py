"""Batched deposits of rows. A row that cannot become a mark is reported and never lost.

The key of a deposit is computed from the kind and the content of its row, so that loading a file twice adds nothing.
Two equal rows in the same file still become two marks.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from blackboard.board import Blackboard, Deposit
from blackboard.cli.row_reader import BadRow, Row, Rows
from blackboard.errors import InvalidMark, UsageError, nearest

BATCH = 500
"""The number of rows in a transaction, small enough that a daemon waits only briefly."""


@dataclass(frozen=True)
class Columns:
    """The mapping from columns to a mark."""

    kind: str
    subject: Sequence[str]
    """Columns of the subject; the first non-empty column counts."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The field for each column; an empty field omits the column."""
    intensity: float | str = 1.0
    """A number, or the column that contains it."""


@dataclass
class Loaded:
    """The results of loading."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """The number of rows per outcome: deposited, reinforced, unchanged, duplicate."""
    rejected: int = 0
    crossed: Counter[str] = field(default_factory=Counter)
    """For each agent, how many rows made one of its watches cross."""
    unseen: tuple[str, ...] = ()
    """Requested columns that no row has."""
    columns: frozenset[str] = frozenset()
    """The columns that exist."""


def load(
    board: Blackboard, rows: Rows, mapping: Columns, reject: Callable[[BadRow], None], progress: Callable[[], None]
) -> Loaded:
    """Deposit a mark for each row.

    `reject` is called for each row that cannot become a mark, `progress` after each batch.

    Raises:
        UsageError: There are columns that do not exist, or for which the kind has no field.
        UnknownName: The kind is not registered.
    """
    field_names = _fields(board, mapping.kind)
    _check_mapping(mapping, rows, field_names)
    loaded, keys = Loaded(), _Keys(mapping.kind)

    seen: set[str] = set()
    for batch in _batches(rows):
        had_rows = bool(seen)
        seen.update(*(row.values for row in batch if isinstance(row, Row)))
        if seen and not had_rows:
            _check_first_columns(mapping, rows.name, seen)
        bad: list[BadRow] = []
        deposits: list[tuple[Row, Deposit]] = []
        for row in batch:
            if isinstance(row, BadRow):
                bad.append(row)
                continue
            key = keys.of(row)
            try:
                deposits.append((row, _deposit_for(row, mapping, field_names, key)))
            except InvalidMark as error:
                bad.append(BadRow(row.number, str(error), row.raw))
        results = board.deposit_many([item for _, item in deposits], on_error="return")
        for (row, _), result in zip(deposits, results, strict=True):
            if isinstance(result, UsageError):
                bad.append(BadRow(row.number, str(result), row.raw))
            else:
                loaded.outcomes[result.outcome] += 1
                loaded.crossed.update(result.crossed)
        for row in sorted(bad, key=lambda row: row.number):
            reject(row)
        loaded.rejected += len(bad)
        progress()
    loaded.unseen = tuple(column for column in (*mapping.subject, *mapping.fields) if seen and column not in seen)
    loaded.columns = frozenset(seen)
    return loaded


def _fields(board: Blackboard, kind: str) -> frozenset[str] | None:
    """Return the fields of a kind's payload; None if it takes any field."""
    deployment = board.deployment
    deployment.kind(kind)  # raises an error with the nearest name
    schema = deployment.kinds[kind].payload
    if schema is None or schema.get("additionalProperties", True) is not False:
        return None
    return frozenset(schema.get("properties", {}))


def _check_mapping(mapping: Columns, rows: Rows, field_names: frozenset[str] | None) -> None:
    """Check that the columns and fields of a mapping exist.

    Raises:
        UsageError: A column or field does not exist.
    """
    if field_names is not None:
        for column, name in mapping.fields.items():
            if name and name not in field_names:
                raise UsageError(
                    f"--map {column}={name}: {mapping.kind} has no field {name!r}{nearest(name, field_names)}"
                )
    if rows.columns is None:  # JSON Lines: the columns differ from row to row
        return
    named = [*mapping.subject, *mapping.fields, *([mapping.intensity] if isinstance(mapping.intensity, str) else [])]
    for column in named:
        if column not in rows.columns:
            raise UsageError(f"{rows.name} has no column {column!r}{nearest(column, rows.columns)}")
    if field_names is not None:
        used = {*mapping.subject, mapping.intensity, *mapping.fields}
        unmapped = [column for column in rows.columns if column not in field_names and column not in used]
        if unmapped:
            raise UsageError(
                f"{mapping.kind} has no field for {', '.join(map(repr, unmapped))}; add --map {unmapped[0]}=FIELD,"
                f" or --map {unmapped[0]}= to omit it; the fields are: {', '.join(sorted(field_names))}"
            )


def _check_first_columns(mapping: Columns, name: str, seen: Set[str]) -> None:
    """Check that the first rows have the columns of the subject and the intensity.

    Raises:
        UsageError: A column is missing; nothing was loaded.
    """
    if seen.isdisjoint(mapping.subject):
        column = mapping.subject[0]
        raise UsageError(f"{name}: its first rows have no column {column!r} for the subject{nearest(column, seen)}")
    if isinstance(mapping.intensity, str) and mapping.intensity not in seen:
        raise UsageError(
            f"{name}: its first rows have no column {mapping.intensity!r} for the intensity"
            f"{nearest(mapping.intensity, seen)}"
        )


def _deposit_for(row: Row, mapping: Columns, field_names: frozenset[str] | None, key: str) -> Deposit:
    """Return the deposit for a row.

    Raises:
        InvalidMark: The row has no subject, or its intensity is not a number.
    """
    values = row.values
    subject = next((text for column in mapping.subject if (text := _text(values.get(column)))), None)
    if subject is None:
        raise InvalidMark(
            f"no subject: {' and '.join(mapping.subject)} {'is' if len(mapping.subject) == 1 else 'are'} empty"
        )
    omitted = {*mapping.subject, mapping.intensity} - (field_names if field_names is not None else values.keys())
    payload = {}
    for column, value in values.items():
        name = mapping.fields.get(column, "" if column in omitted else column)
        # A field keeps its default if the cell is empty.
        if not name or (isinstance(value, str) and not value.strip()):
            continue
        if name in payload:
            raise InvalidMark(f"two columns are mapped to the field {name!r}")
        payload[name] = value
    return Deposit(mapping.kind, subject, payload, _intensity(values, mapping), key)


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, bool | list | dict) else str(value).strip()


def _intensity(values: Mapping[str, Any], mapping: Columns) -> float:
    if not isinstance(mapping.intensity, str):
        return mapping.intensity
    value = values.get(mapping.intensity)
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidMark(f"{mapping.intensity}: intensity must be a number, not {value!r}") from None


class _Keys:
    """A generator of keys from the kind, the content of a row, and the number of equal rows before it."""

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
