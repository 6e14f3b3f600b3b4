"""The match of a file's columns with the fields of a kind, by the options of the user.

`ColumnSources` tells which column each part of a mark comes from. A column of JSON may be a path into nested objects
and lists: `contact.email`, `answers.0.text`. `ColumnCheck` refuses columns without a field, and required fields without
a column, before rows are loaded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from blackboard.cli.row_files.cell_values import is_blank, json_types, takes_only_lists
from blackboard.cli.row_files.json_paths import find_value, list_paths, value_paths, values_at
from blackboard.cli.row_files.row_reader import UNNAMED, GoodRow, Rows
from blackboard.errors import UsageError, nearest

if TYPE_CHECKING:
    from blackboard.core.specs.deployment import Deployment

ExtraColumns = Literal["error", "ignore", "keep"]
"""The treatment of columns that have no field in the kind."""


@dataclass(frozen=True)
class Columns:
    """The mapping as the user states it."""

    kind: str
    subject: Sequence[str]
    """Columns of the subject; the first non-empty column counts."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The field for each column; an empty field omits the column. A pair that names the field first is also
    accepted."""
    intensity: float | str = 1.0
    """A number, or the column that contains it."""
    extra: ExtraColumns = "error"
    """The treatment of columns that have no field in the kind."""
    key: str | None = None
    """The column that identifies a row; by default the whole row."""
    occurred_at: str | None = None
    """The column with the time when a row occurred; by default the time of the load."""
    tags: Sequence[str] = ()
    """Tags that a row must have, each as NAME=VALUE; all rows count if there are none."""


class ColumnSources:
    """The columns that the user names, and the fields of the kind.

    Raises:
        UsageError: The kind has no field for a column.
        UnknownName: The kind is not registered.
    """

    def __init__(self, deployment: Deployment, rows: Rows, columns: Columns) -> None:
        self._columns, self._rows = columns, rows
        schema = _closed_schema(deployment, columns.kind)
        self.fields = schema and {name: json_types(part, schema) for name, part in schema.get("properties", {}).items()}
        """The fields of the kind with the JSON types that each takes; None if it takes any field."""
        self.required = list(schema.get("required", ())) if schema else []
        """The fields that every mark needs."""
        if columns.extra == "keep" and self.fields is not None:
            raise UsageError(
                f"--extra keep: {columns.kind} takes only the fields {', '.join(sorted(self.fields))};"
                " choose ignore, or declare the class with extra='allow'"
            )
        self.paths = self._oriented_paths()
        """The field for each path that the user maps; empty text for a path to leave out."""

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that the user names."""
        single = (self._columns.intensity, self._columns.key, self._columns.occurred_at)
        names = (*self._columns.subject, *self.paths, *(name for name in single if isinstance(name, str)))
        return tuple(name for name in dict.fromkeys(names) if name != UNNAMED)

    def _oriented_paths(self) -> dict[str, str]:
        """Return the field for each path, after swapping the sides of a pair that has them in the other order."""
        aims = {*self._columns.subject, self._columns.intensity, self._columns.key, self._columns.occurred_at}
        paths: dict[str, str] = {}
        for left, right in self._columns.fields.items():
            if self.fields is None:
                is_swapped = "." in right and "." not in left
            else:
                is_swapped = bool(right) and right not in self.fields and (left in self.fields or left in aims)
                if right and not is_swapped and right not in self.fields:
                    hint = nearest(right, self.fields)
                    raise UsageError(f"--map {left}={right}: {self._columns.kind} has no field {right!r}{hint}")
            column, name = (right, left) if is_swapped else (left, right)
            for path in self._rows.unnamed if column == UNNAMED else (column,):
                paths[path] = name
        return paths

    def takes_list(self, name: str) -> bool:
        """Return whether a field takes a list and takes no text."""
        return self.fields is not None and takes_only_lists(self.fields.get(name, frozenset()))

    def source(self, values: Mapping[str, Any], column: str) -> str | None:
        """Return the column of a row where a path begins; None if the row has none."""
        if (match := find_value(values, column)) is not None:
            return match[0]
        paths = (path for path, name in self.paths.items() if name == column)
        return next((match[0] for path in paths if (match := find_value(values, path)) is not None), None)

    def look_up(self, values: Mapping[str, Any], column: str) -> list[Any]:
        """Return the value of a column, or of the path that is mapped to this name; empty if there is none."""
        paths = (path for path, name in self.paths.items() if name == column)
        return list(values_at(values, column)) or [value for path in paths for value in values_at(values, path)]

    def used_columns(self, values: Mapping[str, Any]) -> set[str]:
        """Return the columns that need no field: mapped columns, and columns of the subject, intensity or key."""
        used = {match[0] for path in self.paths if (match := find_value(values, path)) is not None}
        for name in self.named:
            source = self.source(values, name)
            if source is not None and (source != name or self.fields is None or name not in self.fields):
                used.add(source)
        return used


def _closed_schema(deployment: Deployment, kind: str) -> dict[str, Any] | None:
    """Return the schema of a kind's payload; None if it takes any field."""
    deployment.kind(kind)  # raises an error with the nearest name
    schema = deployment.kinds[kind].payload_schema
    if schema is None or schema.get("additionalProperties", True) is not False:
        return None
    return dict(schema)


class ColumnsUnmatched(UsageError):
    """Columns have no field, or a required field has no column."""

    def __init__(self, message: str, words: Sequence[str]) -> None:
        super().__init__(message)
        self.words = words
        """The options that make the file load."""


class ColumnCheck:
    """The check of the columns of a file against a kind."""

    def __init__(self, sources: ColumnSources, rows: Rows, columns: Columns) -> None:
        self._sources, self._rows, self._columns = sources, rows, columns

    def check_first(self, rows: Iterable[GoodRow]) -> None:
        """Check the columns of the first rows of a JSON file, where each row has columns of its own.

        Raises:
            UsageError: A needed column is missing, or a column has no field; nothing was loaded.
        """
        values = [row.values for row in rows]
        if not any(values):
            return
        for purpose, names in self._needed().items():
            if not any(self._sources.source(row, name) is not None for row in values for name in names):
                raise self._missing_column(purpose, names, values)
        if self._rows.is_json:
            self._check_objects(values)

    def _needed(self) -> dict[str, Sequence[str]]:
        """Return the columns that give the subject and, if the user names them, the intensity, the key and the time."""
        columns = self._columns
        named = {"intensity": columns.intensity, "key": columns.key, "time": columns.occurred_at}
        others = {purpose: [name] for purpose, name in named.items() if isinstance(name, str)}
        return {"subject": columns.subject, **others}

    def _missing_column(self, purpose: str, names: Sequence[str], values: Sequence[Mapping[str, Any]]) -> UsageError:
        """Return the error about a column that the first rows lack. The error says where else the column is."""
        if (nested := self._list_with(values, names)) is not None:
            path, items = nested
            return ColumnsUnmatched(
                f"{self._rows.name} has no column {names[0]!r} for the {purpose}, but the objects in its list"
                f" {path!r} do; with --each {path}, each object is a row",
                ["--each", path, *self._words_for(items)],
            )
        hint = nearest(names[0], {name for row in values for name in row})
        return UsageError(f"{self._rows.name}: its first rows have no column {names[0]!r} for the {purpose}{hint}")

    def _check_objects(self, values: Sequence[Mapping[str, Any]]) -> None:
        names = list(dict.fromkeys(name for row in values for name, value in row.items() if self._takes(name, value)))
        paths = dict.fromkeys(path for row in values for path in value_paths(row))
        self._check_extra([name for row in values for name in self._extra_columns(row)], names, paths)

    def _takes(self, name: str, value: Any) -> bool:
        """Return whether a value fits the field of this name: all do, except an object in a field without objects."""
        types = None if self._sources.fields is None else self._sources.fields.get(name)
        return not (isinstance(value, Mapping) and types and "object" not in types)

    def _words_for(self, values: Sequence[Mapping[str, Any]]) -> Sequence[str]:
        """Return the additional options with which some objects can be loaded as rows."""
        try:
            self._check_objects(values)
        except ColumnsUnmatched as error:
            return error.words
        return ()

    def _list_with(
        self, values: Iterable[Mapping[str, Any]], columns: Sequence[str]
    ) -> tuple[str, Sequence[Mapping[str, Any]]] | None:
        """Return the path and the objects of the first list in the first row that has one of the columns."""
        for row in values:
            for path, items in list_paths(row):
                if any(self._sources.source(item, column) is not None for item in items for column in columns):
                    return path, items
            break
        return None

    def _extra_columns(self, values: Mapping[str, Any]) -> list[str]:
        fields = self._sources.fields
        if fields is None or self._columns.extra != "error":
            return []
        used = self._sources.used_columns(values)
        return [
            name for name, value in values.items() if name not in used and name not in fields and not is_blank(value)
        ]

    def check_header(self, columns: Sequence[str], merged: Collection[str]) -> None:
        """Check the columns of a header, except columns that are merged into others.

        Raises:
            UsageError: A column that the user names is missing, or a column has no field.
        """
        known = dict.fromkeys(columns, "x")
        for column in self._sources.named:
            if self._sources.source(known, column) is None:
                raise UsageError(f"{self._rows.name} has no column {column!r}{nearest(column, columns)}")
        hidden = {*self._rows.unnamed, *merged}
        self._check_extra([name for name in self._extra_columns(known) if name not in hidden], columns)

    def _check_extra(self, extra: Collection[str], columns: Collection[str], paths: Iterable[str] = ()) -> None:
        """Check that each column has a field, and each required field a column.

        Raises:
            ColumnsUnmatched: A column has no field, or a required field no column; the error has the options with which
                the file loads.
        """
        if (fields := self._sources.fields) is None:
            return
        extra = list(dict.fromkeys(extra))
        given = {*columns, *self._sources.paths.values()}
        missing = [name for name in self._sources.required if name not in given]
        if not extra and not missing:
            return
        words: list[str] = []
        nested = [path for path in paths if "." in path]
        for name in fields:
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
            f"{'; '.join(problems)}; the fields are: {', '.join(sorted(fields))}. --map COLUMN=FIELD names the"
            " field for a column, and --extra ignore leaves out the columns without a field",
            words,
        )

    def _namesakes(self, name: str, columns: Iterable[str], paths: Collection[str]) -> list[str]:
        """Return the unused columns and the nested paths with the name of a field, the most likely first."""
        named = {_plain(name), _plain(f"{name}.value")}
        return [
            *(column for column in columns if _plain(column) == _plain(name) and column not in self._sources.named),
            *(path for path in paths if {_plain(path), _plain(path.split(".", 1)[1])} & named),
            *(path for path in paths if _plain(path.rsplit(".", 1)[1]) == _plain(name)),
        ]


def _plain(name: str) -> str:
    """Return a name without case, spaces and signs."""
    return re.sub(r"[\W_]", "", name.casefold())
