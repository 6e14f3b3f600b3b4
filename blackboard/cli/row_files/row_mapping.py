"""The mapping from the columns of a row to a mark: its subject, fields, intensity, key and time.

A column of JSON may be a path into nested objects and lists: `contact.email`, `answers.0.text`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from blackboard.board import Blackboard, Deposit
from blackboard.cli.row_files import json_paths
from blackboard.cli.row_files.cell_values import (
    converted,
    is_blank,
    json_types,
    takes_only_lists,
    text_of,
    with_decimal_point,
)
from blackboard.cli.row_files.json_paths import list_paths, value_paths, values_at
from blackboard.cli.row_files.row_options import Columns
from blackboard.cli.row_files.row_reader import UNNAMED, GoodRow, Rows
from blackboard.clock import Instant, instant_of
from blackboard.errors import InvalidMark, InvalidTime, UsageError, nearest

_SECONDS = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
"""A time as seconds since 1970."""


class ColumnsUnmatched(UsageError):
    """An error: columns have no field, or a required field has no column."""

    def __init__(self, message: str, words: Sequence[str]) -> None:
        super().__init__(message)
        self.words = words
        """The options with which the file loads."""


class RowMapping:
    """The mapping, checked against a kind and a file.

    Raises:
        UsageError: A column does not exist, or the kind has no field for it.
        UnknownName: The kind is not registered.
    """

    def __init__(self, board: Blackboard, rows: Rows, columns: Columns) -> None:
        self._columns, self._rows = columns, rows
        schema = _closed_schema(board, columns.kind)
        self._fields = schema and {
            name: json_types(part, schema) for name, part in schema.get("properties", {}).items()
        }
        """The fields of the kind with the JSON types that each takes; None if it takes any field."""
        self._required = list(schema.get("required", ())) if schema else []
        if columns.extra == "keep" and self._fields is not None:
            raise UsageError(
                f"--extra keep: {columns.kind} takes only the fields {', '.join(sorted(self._fields))};"
                " choose ignore, or declare the class with extra='allow'"
            )
        self._paths = self._oriented()
        self._merged = {
            name: tuple(other for other in others if not self._is_named(other))
            for name, others in rows.repeated.items()
        }
        self._gathered = {name for name in self._merged if self._is_list(self._paths.get(name, name))}
        """The names of several columns whose values all go into one list."""
        self._keys = _Keys(columns.kind)
        self._classes, self._deployment = board.session.classes, board.deployment
        self._classes.load({columns.kind})
        if rows.columns is not None:
            self._check_columns(rows.columns)

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that the user names."""
        single = (self._columns.intensity, self._columns.key, self._columns.occurred_at)
        names = (*self._columns.subject, *self._paths, *(name for name in single if isinstance(name, str)))
        return tuple(name for name in dict.fromkeys(names) if name != UNNAMED)

    def check_first(self, rows: Iterable[GoodRow]) -> None:
        """Check the columns of the first rows of a JSON file, in which each row has columns of its own.

        Raises:
            UsageError: A needed column is missing, or a column has no field; nothing was loaded.
        """
        values = [row.values for row in rows]
        seen = {name for row in values for name in row}
        if not seen:
            return
        needed: list[tuple[Sequence[str], str]] = [(self._columns.subject, "subject")]
        if isinstance(self._columns.intensity, str):
            needed.append(([self._columns.intensity], "intensity"))
        if self._columns.key is not None:
            needed.append(([self._columns.key], "key"))
        if self._columns.occurred_at is not None:
            needed.append(([self._columns.occurred_at], "time"))
        for names, purpose in needed:
            if not any(self._source(row, name) is not None for row in values for name in names):
                if (nested := self._list_with(values, names)) is not None:
                    path, items = nested
                    raise ColumnsUnmatched(
                        f"{self._rows.name} has no column {names[0]!r} for the {purpose}, but the objects in its list"
                        f" {path!r} have; --each {path} makes each of them a row",
                        ["--each", path, *self._words_for(items)],
                    )
                raise UsageError(
                    f"{self._rows.name}: its first rows have no column {names[0]!r} for the {purpose}"
                    f"{nearest(names[0], seen)}"
                )
        if self._rows.json:
            self._check_objects(values)

    def _check_objects(self, values: Sequence[Mapping[str, Any]]) -> None:
        names = list(dict.fromkeys(name for row in values for name, value in row.items() if self._takes(name, value)))
        paths = dict.fromkeys(path for row in values for path in value_paths(row))
        self._check_extra([name for row in values for name in self._extra_columns(row)], names, paths)

    def _takes(self, name: str, value: Any) -> bool:
        """Return whether the field of this name may take a value: a field for texts takes no object."""
        types = None if self._fields is None else self._fields.get(name)
        return not (isinstance(value, Mapping) and types and "object" not in types)

    def _words_for(self, values: Sequence[Mapping[str, Any]]) -> Sequence[str]:
        """Return the further options with which some objects load as rows."""
        try:
            self._check_objects(values)
        except ColumnsUnmatched as error:
            return error.words
        return ()

    def _list_with(
        self, values: Iterable[Mapping[str, Any]], columns: Sequence[str]
    ) -> tuple[str, Sequence[Mapping[str, Any]]] | None:
        """Return the list in the first row whose objects have one of the columns, and the objects; None if none has."""
        for row in values:
            for path, items in list_paths(row):
                if any(self._source(item, column) is not None for item in items for column in columns):
                    return path, items
            break
        return None

    def has(self, row: GoodRow, column: str) -> bool:
        """Return whether a row has a column that the user names."""
        return self._source(row.values, column) is not None

    def deposit(self, row: GoodRow) -> Deposit:
        """Return the deposit for a row.

        Raises:
            InvalidMark: The row has no subject or key, its intensity is not a number, its time is not a time, or a
                column has no field.
        """
        values = self._merge(row.values)
        payload = self._payload_of(values)
        subject = self._classes.stored_subject(self._columns.kind, payload, self._subject_of(values), self._deployment)
        intensity = self._intensity(values)
        occurred_at = self._occurred_at(values)
        key = row.key
        if key is None or self._columns.key is not None:
            key = self._key(values, subject, payload, intensity, occurred_at)
        return Deposit(self._columns.kind, subject, payload, intensity, key, occurred_at=occurred_at)

    def _payload_of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the mark: the mapped values, and the other columns under their own names."""
        mapped, used = self._mapped(values), self._used(values)
        payload: dict[str, Any] = {}
        for name, value in (*mapped.items(), *((n, v) for n, v in values.items() if n not in used)):
            if self._fields is not None and name not in self._fields:
                if name not in mapped:
                    self._check_is_unneeded(name, value)
                continue
            if self._is_left_out(name, value, is_mapped=name in mapped):
                continue
            if name in payload:
                raise InvalidMark(f"two columns are mapped to the field {name!r}")
            types = frozenset() if self._fields is None else self._fields[name]
            payload[name] = converted(value, types, decimal_comma=self._rows.decimal_comma)
        return payload

    def _mapped(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values for which the user names a field, by field."""
        mapped: dict[str, Any] = {}
        for path, name in self._paths.items():
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
        """Return whether a field stays unset: its cell is empty, so it keeps its default, or its column is ignored."""
        if self._fields is None:
            is_ignored = self._columns.extra == "ignore" and not is_mapped
            return is_ignored or (is_blank(value) and value is not None)
        return is_blank(value) and not (value is None and "null" in self._fields[name])

    def _subject_of(self, values: Mapping[str, Any]) -> str:
        """Return the first text in the columns of the subject."""
        names = self._columns.subject
        texts = (text_of(value) for name in names for value in self._look_up(values, name))
        if (subject := next(filter(None, texts), None)) is None:
            raise InvalidMark(f"no subject: {' and '.join(names)} {'is' if len(names) == 1 else 'are'} empty")
        return subject

    def _oriented(self) -> dict[str, str]:
        """Return the field for each path, with the two sides of a pair in this order."""
        aims = {*self._columns.subject, self._columns.intensity, self._columns.key, self._columns.occurred_at}
        paths: dict[str, str] = {}
        for left, right in self._columns.fields.items():
            if self._fields is None:
                is_swapped = "." in right and "." not in left
            else:
                is_swapped = bool(right) and right not in self._fields and (left in self._fields or left in aims)
                if right and not is_swapped and right not in self._fields:
                    hint = nearest(right, self._fields)
                    raise UsageError(f"--map {left}={right}: {self._columns.kind} has no field {right!r}{hint}")
            column, name = (right, left) if is_swapped else (left, right)
            for path in self._rows.unnamed if column == UNNAMED else (column,):
                paths[path] = name
        return paths

    def _is_named(self, column: str) -> bool:
        return column in self.named

    def _merge(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values with one column for each name: the first with a value."""
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

    def _is_list(self, name: str) -> bool:
        """Return whether a field takes a list, and no text."""
        return self._fields is not None and takes_only_lists(self._fields.get(name, frozenset()))

    def _source(self, values: Mapping[str, Any], column: str) -> str | None:
        """Return the column of a row in which a path begins; None if the row has none."""
        if (match := json_paths.find(values, column)) is not None:
            return match[0]
        paths = (path for path, name in self._paths.items() if name == column)
        return next((match[0] for path in paths if (match := json_paths.find(values, path)) is not None), None)

    def _look_up(self, values: Mapping[str, Any], column: str) -> list[Any]:
        """Return the value of a column, or of the path that is mapped to this name; empty if there is none."""
        direct = list(values_at(values, column))
        return direct or [v for path, name in self._paths.items() if name == column for v in values_at(values, path)]

    def _used(self, values: Mapping[str, Any]) -> set[str]:
        """Return the columns that are mapped, or that serve as subject, intensity or key and are no field."""
        used = {match[0] for path in self._paths if (match := json_paths.find(values, path)) is not None}
        for name in self.named:
            source = self._source(values, name)
            if source is not None and (source != name or self._fields is None or name not in self._fields):
                used.add(source)
        return used

    def _extra_columns(self, values: Mapping[str, Any]) -> list[str]:
        if self._fields is None or self._columns.extra != "error":
            return []
        used = self._used(values)
        return [n for n, v in values.items() if n not in used and n not in self._fields and not is_blank(v)]

    def _check_columns(self, columns: Sequence[str]) -> None:
        known = dict.fromkeys(columns, "x")
        for column in self.named:
            if self._source(known, column) is None:
                raise UsageError(f"{self._rows.name} has no column {column!r}{nearest(column, columns)}")
        hidden = {*self._rows.unnamed, *(other for others in self._merged.values() for other in others)}
        self._check_extra([name for name in self._extra_columns(known) if name not in hidden], columns)

    def _check_extra(self, extra: Collection[str], columns: Collection[str], paths: Iterable[str] = ()) -> None:
        """Check that each column has a field, and each required field a column.

        Raises:
            ColumnsUnmatched: A column or a required field has none; the error has the options with which the file
                loads.
        """
        if self._fields is None:
            return
        extra = list(dict.fromkeys(extra))
        given = {*columns, *self._paths.values()}
        missing = [name for name in self._required if name not in given]
        if not extra and not missing:
            return
        words: list[str] = []
        nested = [path for path in paths if "." in path]
        for name in self._fields:
            same = self._namesakes(name, columns, nested)
            if name not in given and (same or name in missing):
                words += ["--map", f"{same[0] if same else 'COLUMN'}={name}"]
        kind = self._columns.kind
        problems = []
        if extra:
            problems.append(f"{kind} has no field for {', '.join(map(repr, extra))}")
            words += ["--extra", "ignore"]
        if missing:
            problems.append(f"no column gives the field {', '.join(map(repr, missing))} that each {kind} needs")
        raise ColumnsUnmatched(
            f"{'; '.join(problems)}; the fields are: {', '.join(sorted(self._fields))}. --map COLUMN=FIELD names the"
            " field for a column, and --extra ignore leaves out the columns without one",
            words,
        )

    def _namesakes(self, name: str, columns: Iterable[str], paths: Collection[str]) -> list[str]:
        """Return the free columns and the nested paths with the name of a field, the likeliest first."""
        named = {_plain(name), _plain(f"{name}.value")}
        return [
            *(column for column in columns if _plain(column) == _plain(name) and column not in self.named),
            *(path for path in paths if {_plain(path), _plain(path.split(".", 1)[1])} & named),
            *(path for path in paths if _plain(path.rsplit(".", 1)[1]) == _plain(name)),
        ]

    def _intensity(self, values: Mapping[str, Any]) -> float:
        stated = self._columns.intensity
        if not isinstance(stated, str):
            return stated
        value = next(iter(self._look_up(values, stated)), None)
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
        value = next(iter(self._look_up(values, column)), None)
        text = text_of(value)
        if not text:
            raise InvalidMark(f"no time: {column} is empty")
        try:
            # Eight digits are a date.
            is_number = _SECONDS.fullmatch(text) is not None and len(text) != 8
            return round(float(text) * 1_000_000) if is_number else instant_of(text)
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
        value = text_of(next(iter(self._look_up(values, self._columns.key)), None))
        if not value:
            raise InvalidMark(f"no key: {self._columns.key} is empty")
        return self._keys.of_value(value, subject, payload, intensity, *times)


class _Keys:
    """The keys of deposits. They are made of what becomes the mark, so columns that are left out play no part."""

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
        """Return the key of a row that has an identity of its own: it changes with the content."""
        return f"load:{self._digest(value, *content).hex()}"

    def _digest(self, *parts: Any) -> bytes:
        try:
            text = json.dumps([self._kind, *parts], sort_keys=True, ensure_ascii=True)
        except RecursionError:
            raise InvalidMark("the row is nested too deeply") from None
        return hashlib.sha256(text.encode()).digest()[:16]


def _closed_schema(board: Blackboard, kind: str) -> dict[str, Any] | None:
    """Return the schema of a kind's payload; None if it takes any field."""
    deployment = board.deployment
    deployment.kind(kind)  # raises an error with the nearest name
    schema = deployment.kinds[kind].payload
    if schema is None or schema.get("additionalProperties", True) is not False:
        return None
    return dict(schema)


def _plain(name: str) -> str:
    """Return a name without case, spaces and signs."""
    return re.sub(r"[\W_]", "", name.casefold())
