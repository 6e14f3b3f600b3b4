"""Loads the SQL statements of `sql/*.sql`: their names, texts and row types. It runs nothing.

A file holds statements (`-- name: get_mark -> MarkRow`) and fragments (`-- fragment: is_live(at)`). The comment
under a heading says what it is for. In a text, `{is_live(:now)}` stands for a fragment with its arguments,
`{mark.*}` for the columns of a table's row type, and `{share(...)}` for the share that is left under the known
decay laws. `[limit: LIMIT :limit]` is an optional part, which `Statement.using("limit")` includes. A text that
differs on PostgreSQL stands under the same name with `(postgresql)` behind it. Values are passed as `:named`
parameters.

A statement that inserts or updates a crossing, an activation or a predicted crossing notifies the workers after the
commit. A word behind the heading says otherwise: `(quiet)` and `(notifies)`; `(frees slot)` and `(takes slot)` are for
activations that end and begin, see `Transaction.notifies`.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from blackboard import decay
from blackboard.store import rows

__all__ = [
    "ACTIVATIONS",
    "CROSSINGS",
    "DEPLOYMENTS",
    "ERASURE",
    "MARKS",
    "MODEL_CALLS",
    "RETENTION",
    "Statement",
    "StatementFile",
    "compose",
    "shared",
]

_HEAD = re.compile(r"-- (name|fragment): (\w+)(?:\(([\w, ]+)\))?(?: -> (\w+))?(?: \(([\w ]+)\))?\n")
_NOTIFYING = re.compile(r"(INSERT INTO|UPDATE) (crossing|activation|predicted_crossing)\b")
_EFFECTS = ("quiet", "notifies", "frees slot", "takes slot")
_SLOT = re.compile(r"\{(\w+(?:\.\*)?)(?:\(([^{}]*)\))?\}")
_OPTION = re.compile(r" *\[(\w+): ([^\]]*)\]")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")


class Statement:
    """One statement, composed for a dialect when it is first run there.

    Attributes:
        name: what it is called, with its file: `marks.find_mark`.
        doc: what it is for.
        row: the type of its rows; None where it follows from the names of the columns.
    """

    __slots__ = ("_compiled", "_effect", "_file", "_options", "_parts", "_row", "_variants", "doc", "name", "texts")

    def __init__(
        self,
        file: StatementFile,
        name: str,
        doc: str,
        texts: dict[str, str],
        row: type[Any] | None,
        effect: str | None = None,
    ) -> None:
        self._file, self.name, self.doc, self.texts, self._effect = file, name, doc, texts, effect
        self._row: Any = row
        self._options: frozenset[str] = frozenset()
        self._parts: dict[str, str] = {}
        self._variants: dict[Any, Statement] = {}
        self._compiled: dict[str, tuple[str, tuple[str, ...], int]] = {}

    def using(self, *options: str, **parts: str) -> Statement:
        """Return the statement with some of its optional parts, and with texts for slots that it leaves open."""
        key = (options, *parts.items())
        if (variant := self._variants.get(key)) is None:
            variant = self._variants[key] = Statement(
                self._file, self.name, self.doc, self.texts, self._row, self._effect
            )
            variant._options, variant._parts = self._options.union(options), self._parts | parts
        return variant

    def compiled(self, dialect: str) -> tuple[str, tuple[str, ...]]:
        """Return the text for a dialect, and the names of its parameters in their order."""
        found = self._compiled.get(dialect)
        if found is None or found[2] != len(decay.LAWS):
            found = self._compiled[dialect] = (*self._compile(dialect), len(decay.LAWS))
        return found[0], found[1]

    @property
    def effect(self) -> str:
        """Return what it means for the workers: "notifies", "frees slot", "takes slot" or "quiet"."""
        if self._effect is None:
            self._effect = "notifies" if _NOTIFYING.match(self.compiled("sqlite")[0]) else "quiet"
        return self._effect

    def row(self, columns: Sequence[Sequence[Any]]) -> type[Any]:
        """Return the type of its rows, which read by name and by position."""
        if self._row is None:
            self._row = _row_type(tuple(column[0] for column in columns))
        return self._row  # type: ignore[no-any-return]

    def _compile(self, dialect: str) -> tuple[str, tuple[str, ...]]:
        text = self.texts.get(dialect) or self.texts["sqlite"]
        unknown = self._options - {name for name, _ in _OPTION.findall(text)}
        if unknown:
            raise LookupError(f"{self.name} has no optional part {', '.join(sorted(unknown))}")
        text = _OPTION.sub(lambda option: option[2] if option[1] in self._options else "", text)
        text = compose(text, self._file.fragments | {name: ((), part) for name, part in self._parts.items()})
        if dialect == "sqlite":
            return _PARAMETER.sub("?", text), tuple(_PARAMETER.findall(text))
        return _PARAMETER.sub(r"%(\1)s", text.replace("%", "%%")), tuple(dict.fromkeys(_PARAMETER.findall(text)))


def _row_type(columns: tuple[str, ...]) -> type[Any]:
    return namedtuple("Row", columns)


Fragments = dict[str, tuple[tuple[str, ...], str]]


class StatementFile:
    """The statements of one file, as attributes. It is read when the first of them is asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fragments: Fragments = {}
        self._statements: dict[str, Statement] = {}

    def __getattr__(self, name: str) -> Statement:
        statement = None if name.startswith("_") else self.all().get(name)
        if statement is None:
            raise AttributeError(f"{self.__dict__.get('name')}.sql has no statement {name!r}")
        self.__dict__.update(self._statements)  # so that this is asked once
        return statement

    def all(self) -> dict[str, Statement]:
        """Return every statement by its name."""
        if not self._statements:
            self._statements = self._load()
        return self._statements

    def _load(self) -> dict[str, Statement]:
        statements: dict[str, Statement] = {}
        folder = files("blackboard.store") / "sql"
        for file in dict.fromkeys(("shared", self.name)):
            # The text before the first heading says what the file is about.
            _, *parts = _HEAD.split((folder / f"{file}.sql").read_text("utf-8"))
            for heading, name, arguments, row, word, body in zip(*[iter(parts)] * 6, strict=True):
                doc, text = _parted(body)
                if heading == "fragment":
                    self.fragments[name] = (tuple(arguments.split(", ")) if arguments else (), text)
                elif word == "postgresql":
                    statements[name].texts[word] = text
                elif word and word not in _EFFECTS:
                    raise LookupError(f"{self.name}.sql, {name}: there is no word ({word})")
                else:
                    type_ = getattr(rows, row) if row else None
                    statements[name] = Statement(self, f"{self.name}.{name}", doc, {"sqlite": text}, type_, word)
        return statements


def compose(text: str, fragments: Fragments) -> str:
    """Replace the slots of a text by fragments, the innermost first, until none is left.

    Raises:
        KeyError: there is no such fragment.
    """

    def filled(slot: re.Match[str]) -> str:
        name, arguments = slot[1], slot[2]
        if name.endswith(".*"):
            table = name.removesuffix(".*")
            return ", ".join(f"{table}.{column}" for column in rows.COLUMNS[table])
        values = _arguments(arguments) if arguments else []
        if name == "share":
            return decay.share_case(*values)
        names, body = fragments[name]
        for argument, value in zip(names, values, strict=True):
            body = body.replace(f"{{{argument}}}", value)
        return body

    while _SLOT.search(text):
        text = _SLOT.sub(filled, text)
    return text


def shared(fragment: str) -> str:
    """Return a shared fragment, composed."""
    file = StatementFile("shared")
    file.all()
    return compose(f"{{{fragment}}}", file.fragments)


def _parted(body: str) -> tuple[str, str]:
    """Split what follows a heading into its comment and its statement."""
    lines = body.strip().split("\n")
    comments = 0
    while comments < len(lines) and lines[comments].startswith("-- "):
        comments += 1
    doc = " ".join(line.removeprefix("-- ") for line in lines[:comments])
    return doc, "\n".join(lines[comments:]).rstrip(";")


def _arguments(text: str) -> list[str]:
    """Split at the commas that stand in no parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


MARKS = StatementFile("marks")
CROSSINGS = StatementFile("crossings")
ACTIVATIONS = StatementFile("activations")
MODEL_CALLS = StatementFile("model_calls")
DEPLOYMENTS = StatementFile("deployments")
ERASURE = StatementFile("erasure")
RETENTION = StatementFile("retention")
