"""The columns that the parts of a mark come from, by the options and the fields of the kind.

A column of JSON may be a path into nested objects and lists: `contact.email`, `answers.0.text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blackboard.cli.row_files import json_paths
from blackboard.cli.row_files.cell_values import json_types, takes_only_lists
from blackboard.cli.row_files.json_paths import values_at
from blackboard.cli.row_files.row_options import Columns
from blackboard.cli.row_files.row_reader import UNNAMED, Rows
from blackboard.core.specs.deployment import Deployment
from blackboard.errors import UsageError, nearest


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
        self.paths = self._oriented()
        """The field for each path that the user maps; empty text for a path to leave out."""

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that the user names."""
        single = (self._columns.intensity, self._columns.key, self._columns.occurred_at)
        names = (*self._columns.subject, *self.paths, *(name for name in single if isinstance(name, str)))
        return tuple(name for name in dict.fromkeys(names) if name != UNNAMED)

    def _oriented(self) -> dict[str, str]:
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
        if (match := json_paths.find(values, column)) is not None:
            return match[0]
        paths = (path for path, name in self.paths.items() if name == column)
        return next((match[0] for path in paths if (match := json_paths.find(values, path)) is not None), None)

    def look_up(self, values: Mapping[str, Any], column: str) -> list[Any]:
        """Return the value of a column, or of the path that is mapped to this name; empty if there is none."""
        paths = (path for path, name in self.paths.items() if name == column)
        return list(values_at(values, column)) or [value for path in paths for value in values_at(values, path)]

    def used(self, values: Mapping[str, Any]) -> set[str]:
        """Return the columns that are mapped, or that give the subject, intensity or key without being a field."""
        used = {match[0] for path in self.paths if (match := json_paths.find(values, path)) is not None}
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
