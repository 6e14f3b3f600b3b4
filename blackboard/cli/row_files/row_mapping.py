"""The mapping from the columns of a row to a mark: its subject, fields, intensity, key and time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from blackboard.board import Blackboard, Deposit
from blackboard.board.reading.tag_texts import read_filters
from blackboard.cli.row_files.cell_values import converted_cell, is_blank, text_of, with_decimal_point
from blackboard.cli.row_files.column_matching import ColumnCheck, Columns, ColumnSources
from blackboard.cli.row_files.json_paths import values_at
from blackboard.cli.row_files.row_reader import GoodRow, Rows
from blackboard.clock import Instant, instant_of, microseconds_in
from blackboard.core.marks.payload_json import dump_payload
from blackboard.errors import InvalidMark, InvalidTime
from blackboard.local_or_remote_calls import calls_on_board

if TYPE_CHECKING:
    from blackboard.client import Client

_SECONDS = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
"""A time as seconds since 1970."""


class RowMapping:
    """The mapping, checked against a kind and a file.

    Raises:
        UsageError: A column does not exist, or the kind has no field for it.
        UnknownName: The kind is not registered.
    """

    def __init__(self, board: Blackboard | Client, rows: Rows, columns: Columns) -> None:
        self._columns, self._rows = columns, rows
        self._kinds = calls_on_board(board).kind_lookup()
        deployment = self._kinds.deployment
        self._sources = ColumnSources(deployment, rows, columns)
        self.check = ColumnCheck(self._sources, rows, columns)
        """The check of the columns of its rows."""
        self._merged = {
            name: tuple(other for other in others if other not in self.named) for name, others in rows.repeated.items()
        }
        self._gathered = {
            name for name in self._merged if self._sources.takes_list(self._sources.paths.get(name, name))
        }
        """The names of several columns whose values all go into one list."""
        self._keys = _Keys(columns.kind)
        self._kinds.load(columns.kind)
        where = read_filters(deployment, columns.kind, columns.tags)
        tags = deployment.kind(columns.kind).tag_schema
        self._tags = tags.filter(where) if where else None
        self.tags = tags.names
        """The names of the tags of the kind."""
        if rows.columns is not None:
            self.check.check_header(rows.columns, {other for others in self._merged.values() for other in others})

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that the user names."""
        return self._sources.named

    def has(self, row: GoodRow, column: str) -> bool:
        """Return whether a row has a column that the user names."""
        return self._sources.source(row.values, column) is not None

    def has_tags(self, deposit: Deposit) -> bool:
        """Return whether a row has the requested tags."""
        if self._tags is None:
            return True
        return self._tags.matches(json.loads(dump_payload(deposit.payload or {})))

    def deposit(self, row: GoodRow) -> Deposit:
        """Return the deposit for a row.

        Raises:
            InvalidMark: The row has no subject or key, the intensity is not a number, the time is not valid, or a
                column has no field.
        """
        values = self._merge(row.values)
        payload = self._payload_of(values)
        subject = self._kinds.stored_subject(self._columns.kind, payload, self._subject_of(values))
        intensity = self._intensity(values)
        occurred_at = self._occurred_at(values)
        key = row.key
        if key is None or self._columns.key is not None:
            key = self._key(values, subject, payload, intensity, occurred_at)
        return Deposit(self._columns.kind, subject, payload, intensity, key, occurred_at=occurred_at)

    def _payload_of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the mark: the mapped values, and the other columns under their own names."""
        mapped, used = self._mapped(values), self._sources.used_columns(values)
        payload: dict[str, Any] = {}
        others = {name: value for name, value in values.items() if name not in used}
        for name, value in (*mapped.items(), *others.items()):
            if self._sources.fields is not None and name not in self._sources.fields:
                if name not in mapped:
                    self._check_is_unneeded(name, value)
                continue
            if self._is_left_out(name, value, is_mapped=name in mapped):
                continue
            if name in payload:
                raise InvalidMark(f"two columns are mapped to the field {name!r}")
            types = frozenset() if self._sources.fields is None else self._sources.fields[name]
            payload[name] = converted_cell(value, types, decimal_comma=self._rows.decimal_comma)
        return payload

    def _mapped(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of columns that the user maps to a field, by field."""
        mapped: dict[str, Any] = {}
        for path, name in self._sources.paths.items():
            matches = list(values_at(values, path)) if name else []
            if matches and name in mapped:
                raise InvalidMark(f"two columns are mapped to the field {name!r}")
            if matches:
                mapped[name] = matches[-1]
        return mapped

    def _check_is_unneeded(self, name: str, value: Any) -> None:
        """Check that a column without a field is empty or ignored."""
        if not is_blank(value) and self._columns.extra != "ignore":
            raise InvalidMark(f"{self._columns.kind} has no field for {name!r}; add --map {name}= or --extra ignore")

    def _is_left_out(self, name: str, value: Any, *, is_mapped: bool) -> bool:
        """Return whether a field stays unset and has its default: its cell is empty, or its column is ignored."""
        if self._sources.fields is None:
            is_ignored = self._columns.extra == "ignore" and not is_mapped
            return is_ignored or (is_blank(value) and value is not None)
        return is_blank(value) and not (value is None and "null" in self._sources.fields[name])

    def _subject_of(self, values: Mapping[str, Any]) -> str:
        """Return the first text in the columns of the subject."""
        names = self._columns.subject
        texts = (text_of(value) for name in names for value in self._sources.look_up(values, name))
        if (subject := next(filter(None, texts), None)) is None:
            columns = f"column {names[0]!r} is" if len(names) == 1 else f"columns {', '.join(map(repr, names))} are"
            raise InvalidMark(f"the row has no subject, because its {columns} empty")
        return subject

    def _merge(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values with one column for each name. Of several columns, the first with a value counts."""
        if not self._merged:
            return values
        merged = dict(values)
        for name, others in self._merged.items():
            cells = [merged[name], *(merged.pop(other) for other in others)]
            full = [cell for cell in cells if not is_blank(cell)]
            if name in self._gathered:
                merged[name] = full or ""
            elif full:
                merged[name] = full[0]
        return merged

    def _intensity(self, values: Mapping[str, Any]) -> float:
        stated = self._columns.intensity
        if not isinstance(stated, str):
            return stated
        value = next(iter(self._sources.look_up(values, stated)), None)
        if isinstance(value, str):
            value = with_decimal_point(value.strip(), decimal_comma=self._rows.decimal_comma)
        try:
            return float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise InvalidMark(f"{stated}: intensity must be a number, not {value!r}") from None

    def _occurred_at(self, values: Mapping[str, Any]) -> Instant | None:
        """Return when a row occurred: ISO 8601, or seconds since 1970."""
        if (column := self._columns.occurred_at) is None:
            return None
        value = next(iter(self._sources.look_up(values, column)), None)
        text = text_of(value)
        if not text:
            raise InvalidMark(f"the row has no time, because its column {column!r} is empty")
        try:
            # Eight digits are a date.
            is_number = _SECONDS.fullmatch(text) is not None and len(text) != 8
            return microseconds_in(float(text)) if is_number else instant_of(text)
        except (InvalidTime, OverflowError):
            raise InvalidMark(
                f"{column}: {value!r} is not a time; write it like 2027-01-31T15:00:00+01:00, or in seconds since 1970"
            ) from None

    def _key(
        self,
        values: Mapping[str, Any],
        subject: str,
        payload: Mapping[str, Any],
        intensity: float,
        occurred_at: Instant | None,
    ) -> str:
        times = () if occurred_at is None else (occurred_at,)
        if self._columns.key is None:
            return self._keys.of_content(subject, payload, *times)
        value = text_of(next(iter(self._sources.look_up(values, self._columns.key)), None))
        if not value:
            raise InvalidMark(f"the row has no key, because its column {self._columns.key!r} is empty")
        return self._keys.of_value(value, subject, payload, intensity, *times)


class _Keys:
    """The keys of deposits. A key is made from the content of the mark, so columns that are left out do not matter."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._seen: dict[bytes, int] = {}

    def of_content(self, *content: Any) -> str:
        """Return the key of a row that is identified by its content and the number of equal rows before it."""
        digest = self._digest(*content)
        before = self._seen.get(digest, 0)
        self._seen[digest] = before + 1
        return f"load:{digest.hex()}" + (f":{before + 1}" if before else "")

    def of_value(self, value: str, *content: Any) -> str:
        """Return the key of a row with an identity of its own. The key also changes with the content of the row."""
        return f"load:{self._digest(value, *content).hex()}"

    def _digest(self, *parts: Any) -> bytes:
        try:
            text = json.dumps([self._kind, *parts], sort_keys=True, ensure_ascii=True)
        except RecursionError:
            raise InvalidMark("the row is nested too deeply") from None
        return hashlib.sha256(text.encode()).digest()[:16]
