"""The parameters, the rows and the result of a query that a program or a person writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias, overload

from blackboard.errors import nearest

Value: TypeAlias = str | int | float | bytes | None
"""A value in a row."""
Parameters: TypeAlias = Sequence[Value | datetime] | Mapping[str, Value | datetime]
"""The parameters of a query."""


class QueryResult(NamedTuple):
    """The result of a query; `has_more` is true if there were more rows than the limit."""

    columns: tuple[str, ...]
    rows: list[list[Any]]
    has_more: bool

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as objects; columns of the same name are numbered."""
        names: list[str] = []
        for column in self.columns:
            name, number = column, 2
            while name in names:
                name, number = f"{column}_{number}", number + 1
            names.append(name)
        return [dict(zip(names, row, strict=True)) for row in self.rows]


class Row(Sequence[Value]):
    """A row of a query's result. It reads by position and by name: `row[0]`, `row["kind"]`, `dict(row)`."""

    __slots__ = ("_positions", "_values")

    def __init__(self, values: tuple[Value, ...], positions: Mapping[str, int]) -> None:
        self._values, self._positions = values, positions

    @overload
    def __getitem__(self, key: int | str) -> Value: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Value]: ...
    def __getitem__(self, key: int | str | slice) -> Value | Sequence[Value]:
        if not isinstance(key, str):
            return self._values[key]
        if key not in self._positions:
            raise KeyError(f"the row has no column {key!r}{nearest(key, self._positions)}")
        return self._values[self._positions[key]]

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Value]:
        return iter(self._values)

    def keys(self) -> list[str]:
        """Return the names of the columns."""
        return list(self._positions)

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, Row) else other)

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{name}={self[name]!r}' for name in self._positions)})"
