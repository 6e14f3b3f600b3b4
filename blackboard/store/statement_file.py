"""A file of SQL statements in `sql/`: their names, texts and results.

A file holds statements (`-- name: get_mark -> MarkRow`) and fragments (`-- fragment: is_live(at)`). The comment under a
heading states its purpose. If the text differs on PostgreSQL, it follows under the same name, with `(postgresql)` after
the name. `sql_composition` describes the texts.

The type after the arrow is the type of each result. It is a row of `row_types`, whose fields are the columns in
their order, or the type of a single column (`-> int | None`). `statements.pyi` repeats these types for the type
checker. A statement without an arrow has no results.

A statement that inserts or updates a crossing, an activation or a predicted crossing notifies the workers after the
commit. An effect after the name, such as `(quiet)`, overrides this; see `StatementEffect`.

A list is compared by `{is_in(id, :ids)}` and passed as `Transaction.list_of` makes it.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache, partial
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from blackboard.store.dialects.dialect import POSTGRESQL, SQLITE, Dialect
from blackboard.store.row_types import (
    activation_row_types,
    board_row_types,
    deployment_row_types,
    mark_row_types,
    model_call_row_types,
    search_row_types,
    watch_row_types,
)
from blackboard.store.row_types.columns_by_table import COLUMNS
from blackboard.store.sql_composition import Fragment, bind_parameters, compose_text

_BLOCK = re.compile(
    r"^-- (name|fragment): (\w+)(?:\(([\w, ]+)\))?(?: -> (\w+(?: \| None)?))?(?: \(([\w ]+)\))?\n"
    r"((?:-- [^\n]*\n)*)(.*?)(?=^-- |\Z)",
    re.MULTILINE | re.DOTALL,
)
_NOTIFYING = re.compile(r"(INSERT INTO|UPDATE) (crossing|activation|predicted_crossing)\b")
_FOLDER = Path(__file__).with_name("sql")
_ROW_MODULES = (
    activation_row_types,
    board_row_types,
    deployment_row_types,
    mark_row_types,
    model_call_row_types,
    search_row_types,
    watch_row_types,
)
Result = TypeVar("Result", covariant=True)


class StatementEffect(Enum):
    """The effect of a statement on workers, if it changes a row. The values are the words in headings."""

    QUIET = "quiet"
    """There is nothing new to do."""
    NOTIFIES = "notifies"
    """There may be new work, so workers are notified after the commit."""
    FREES_SLOT = "frees slot"
    """An activation ends, so its agent may begin another."""
    TAKES_SLOT = "takes slot"
    """An activation begins, perhaps in the place of one that ends in the same unit of work."""


QUIET = StatementEffect.QUIET
"""The effect of most statements.

This is a constant because each statement is compared with it, and reading a member of an enum class is slow.
"""
_EFFECTS = {effect.value: effect for effect in StatementEffect}


@dataclass(eq=False, slots=True)
class Statement(Generic[Result]):
    """A statement. Its text is composed when it first runs on a kind of database.

    Its type argument is the type of a result: a named tuple or the type of a single column, and `object` if it has no
    results.
    """

    name: str
    """Its name after the name of its file: `marks.get_mark`."""
    doc: str
    """Its purpose."""
    result: str
    """The type of a result, as its heading declares it; "" if it has none."""
    make: Callable[[Any], Result]
    """Returns the result for the columns that the driver returned."""
    texts: dict[str, str]
    """Its text, by dialect. A dialect without a text uses the text of SQLite."""
    fragments: Mapping[str, Mapping[str, Fragment]]
    """The fragments that it may name, by dialect."""
    known_effect: StatementEffect | None = None
    """Its `effect`, if its heading states one, or once the effect was found; None until then."""
    options: frozenset[str] = frozenset()
    """The optional parts that it includes."""
    _parts: Mapping[str, str] = field(default_factory=dict)
    _variants: dict[Any, Statement[Result]] = field(init=False, default_factory=dict)
    _compiled: dict[str, tuple[str, tuple[str, ...]]] = field(init=False, default_factory=dict)

    def using(self, *options: str, **parts: str) -> Statement[Result]:
        """Return the statement with some of its optional parts, and with other texts for some of its fragments."""
        key = (options, *parts.items())
        if (variant := self._variants.get(key)) is None:
            variant = replace(self, options=self.options.union(options), _parts={**self._parts, **parts})
            self._variants[key] = variant
        return variant

    @property
    def effect(self) -> StatementEffect:
        """The effect of the statement on workers."""
        if self.known_effect is None:
            self.known_effect = StatementEffect.NOTIFIES if _NOTIFYING.match(self.text(SQLITE)) else QUIET
        return self.known_effect

    def compile(self, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
        """Return the text for a driver, and the names of its parameters in their order."""
        if (compiled := self._compiled.get(dialect.name)) is None:
            compiled = bind_parameters(self.text(dialect.name), is_numbered=dialect.numbers_parameters)
            self._compiled[dialect.name] = compiled
        return compiled

    def text(self, dialect: str) -> str:
        """Return the text for a dialect, by its name, with named parameters."""
        fragments = dict(self.fragments[dialect])
        for name, text in self._parts.items():
            fragments[name] = fragments.get(name, Fragment(""))._replace(text=text)
        try:
            return compose_text(self.texts.get(dialect, self.texts[SQLITE]), fragments, self.options)
        except LookupError as error:
            raise LookupError(f"{self.name}: {error}") from None


class StatementFile:
    """The statements of one file, as attributes. The file is read when a statement is first used.

    Args:
        name: The file's name, without its suffix.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._statements: dict[str, Statement[Any]] = {}

    if not TYPE_CHECKING:  # a type checker knows the names from `statements.pyi`

        def __getattr__(self, name: str) -> Statement[Any]:
            if name.startswith("_") or name not in self.all():
                raise AttributeError(f"{self.__dict__.get('name')}.sql has no statement {name!r}")
            self.__dict__.update(self._statements)  # later accesses find the statement without this call
            return self._statements[name]

    def all(self) -> dict[str, Statement[Any]]:
        """Return every statement by its name."""
        if not self._statements:
            self._statements = _read(self.name)  # in one assignment: other threads may be reading
        return self._statements


class _Block(NamedTuple):
    """A statement or a fragment as it is written in a file."""

    heading: str
    """`name` or `fragment`."""
    key: str
    parameters: str
    result: str
    word: str
    """The dialect, or the effect on workers; "" for neither."""
    comment: str
    body: str

    @property
    def sql(self) -> str:
        """The text without its last semicolon."""
        return self.body.strip().removesuffix(";")

    @property
    def doc(self) -> str:
        """The comment on one line."""
        return " ".join(line.removeprefix("-- ") for line in self.comment.splitlines())


def _read(name: str) -> dict[str, Statement[Any]]:
    """Return the statements of a file, which may name its own and the shared fragments."""
    blocks = [*_blocks("shared"), *_blocks(name)]
    fragments = _fragments(block for block in blocks if block.heading == "fragment")
    statements: dict[str, Statement[Any]] = {}
    for block in (block for block in blocks if block.heading == "name"):
        if block.word == POSTGRESQL:
            statements[block.key].texts[POSTGRESQL] = block.sql
        elif block.word and block.word not in _EFFECTS:
            raise LookupError(f"{name}.sql, {block.key}: the word ({block.word}) is unknown")
        else:
            texts, make, effect = {SQLITE: block.sql}, _maker(block.result), _EFFECTS.get(block.word)
            statements[block.key] = Statement(
                f"{name}.{block.key}", block.doc, block.result, make, texts, fragments, effect
            )
    return statements


def _fragments(blocks: Iterable[_Block]) -> dict[str, Mapping[str, Fragment]]:
    """Return the fragments of each dialect by name, with the columns of each table."""
    columns = {f"{table}.*": ", ".join(f"{table}.{column}" for column in names) for table, names in COLUMNS.items()}
    sqlite = {slot: Fragment(text) for slot, text in columns.items()}
    postgresql: dict[str, Fragment] = {}
    for block in blocks:
        fragments = postgresql if block.word == POSTGRESQL else sqlite
        fragments[block.key] = Fragment(block.sql, tuple(block.parameters.split(", ")) if block.parameters else ())
    return {SQLITE: sqlite, POSTGRESQL: ChainMap(postgresql, sqlite)}


@cache
def _blocks(file: str) -> list[_Block]:
    """Return the blocks of a file."""
    return [_Block(*groups) for groups in _BLOCK.findall((_FOLDER / f"{file}.sql").read_text("utf-8"))]


@cache
def _maker(result: str) -> Callable[[Any], Any]:
    """Return the function that makes a result from its columns."""
    row = row_type(result)
    if row is None:
        return itemgetter(0)
    wholes = table_rows_in(row)
    return _nested_maker(row, *wholes) if wholes else _tuple_maker(row)


def _tuple_maker(row: type[Any]) -> Callable[[Any], Any]:
    """Return the function that makes a row from all its columns. It takes half the time of the `_make` of the row."""
    return partial(tuple.__new__, row)


def _nested_maker(row: type[Any], *wholes: tuple[type[Any], bool]) -> Callable[[Any], Any]:
    """Return the function that makes a row whose first fields are whole rows of tables, or None."""
    make_row = _tuple_maker(row)
    parts, begin = [], 0
    for whole, may_be_null in wholes:
        parts.append((begin, begin + len(whole._fields), _tuple_maker(whole), may_be_null))
        begin += len(whole._fields)
    if len(parts) == 1:
        [(_, width, make_whole, may_be_null)] = parts

        def make_one(columns: tuple[Any, ...]) -> Any:
            first = None if may_be_null and columns[0] is None else make_whole(columns[:width])
            return make_row((first, *columns[width:]))

        return make_one

    def make(columns: tuple[Any, ...]) -> Any:
        first = (
            None if may_be_null and columns[start] is None else make_whole(columns[start:end])
            for start, end, make_whole, may_be_null in parts
        )
        return make_row((*first, *columns[begin:]))

    return make


def row_type(result: str) -> type[Any] | None:
    """Return the named tuple that a heading names; None if it names the type of a single column, or nothing."""
    found: Iterator[Any] = (getattr(module, result, None) for module in _ROW_MODULES)
    return next((row for row in found if hasattr(row, "_fields")), None)


def table_rows_in(row: type[Any]) -> list[tuple[type[Any], bool]]:
    """Return the table rows that are the first fields of a row, each with True if it may be missing."""
    found = []
    for field_name in row._fields:
        name, _, none = row.__annotations__[field_name].__forward_arg__.partition(" | ")
        if (whole := row_type(name)) is None:
            break
        found.append((whole, bool(none)))
    return found
