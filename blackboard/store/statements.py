"""The SQL statements of `sql/*.sql`: their names, texts and row types.

A file holds statements (`-- name: get_mark -> MarkRow`) and fragments (`-- fragment: is_live(at)`). The comment under a
heading says what it is for. A text that differs on PostgreSQL follows under the same name with `(postgresql)` behind.

A statement that inserts or updates a crossing, an activation or a predicted crossing notifies the workers after the
commit. `(quiet)` or `(notifies)` after the name overrides this; `(frees slot)` and `(takes slot)` are for
activations that end and begin, see `Transaction.notifies`.

In a text, `{is_live(:now)}` stands for a fragment with its arguments, and `{mark.*}` for the columns of a table.
`[limit: LIMIT :limit]` is an optional part, which `Statement.using("limit")` includes. Values are passed as `:named`
parameters. A list is compared by `{is_in(id, :ids)}` and passed as `Transaction.list_of` makes it.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

from blackboard import decay
from blackboard.store import rows

_BLOCK = re.compile(
    r"^-- (name|fragment): (\w+)(?:\(([\w, ]+)\))?(?: -> (\w+))?(?: \(([\w ]+)\))?\n"
    r"((?:-- [^\n]*\n)*)(.*?)(?=^-- |\Z)",
    re.MULTILINE | re.DOTALL,
)
_SLOT = re.compile(r"\{(\w+(?:\.\*)?)(?:\(([^{}]*)\))?\}")
_OPTION = re.compile(r" *\[(\w+): ([^\]]*)\]")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")

_NOTIFYING = re.compile(r"(INSERT INTO|UPDATE) (crossing|activation|predicted_crossing)\b")
_EFFECTS = (None, "quiet", "notifies", "frees slot", "takes slot")

Fragments = dict[str, tuple[Sequence[str], str]]
"""Parameters and text of each fragment."""


class Statement:
    """A statement. Its text is composed when it first runs on a kind of database.

    Args:
        name: Its name with that of its file: `marks.get_mark`.
        doc: What it is for.
        row: The type of its rows; None to derive one from the names of the columns.
        effect: One of the words above; None if the text decides.
        file: The file, whose fragments it may use.
        texts: Its text, by dialect; the one for SQLite stands for all that are missing.
    """

    __slots__ = ("_compiled", "_effect", "_file", "_options", "_parts", "_row", "_variants", "doc", "name", "texts")

    def __init__(
        self, name: str, doc: str, row: type[Any] | None, effect: str | None, file: StatementFile, texts: dict[str, str]
    ) -> None:
        self.name, self.doc, self.texts = name, doc, texts
        self._row, self._effect, self._file = row, effect, file
        self._options: frozenset[str] = frozenset()
        self._parts: Fragments = {}
        self._variants: dict[Any, Statement] = {}
        self._compiled: dict[str, tuple[str, tuple[str, ...], int]] = {}

    def using(self, *options: str, **parts: str) -> Statement:
        """Return the statement with some of its optional parts, and with texts for slots that no fragment fills."""
        key = (options, *parts.items())
        if (variant := self._variants.get(key)) is None:
            variant = self._variants[key] = Statement(
                self.name, self.doc, self._row, self._effect, self._file, self.texts
            )
            variant._options = self._options.union(options)
            variant._parts = self._parts | {name: ((), part) for name, part in parts.items()}
        return variant

    def row(self, columns: Sequence[Sequence[Any]]) -> Any:
        """Return the type of the rows, a named tuple, for a cursor's description of the columns."""
        if self._row is None:
            self._row = namedtuple("Row", [column[0] for column in columns])  # type: ignore[misc]
        return self._row

    @property
    def effect(self) -> str:
        """What the statement means for the workers: "notifies", "frees slot", "takes slot" or "quiet"."""
        if self._effect is None:
            self._effect = "notifies" if _NOTIFYING.match(self.compiled("sqlite")[0]) else "quiet"
        return self._effect

    def compiled(self, dialect: str) -> tuple[str, tuple[str, ...]]:
        """Return the text for a driver, and the names of its parameters in their order."""
        compiled = self._compiled.get(dialect)
        if compiled is None or compiled[2] != len(decay.LAWS):  # a law may be defined at any time
            text = self.text(dialect, decay.LAWS.values())
            names = _PARAMETER.findall(text)
            if dialect == "sqlite":
                text = _PARAMETER.sub("?", text)
            else:
                text = _PARAMETER.sub(r"%(\1)s", text.replace("%", "%%"))
            compiled = self._compiled[dialect] = (text, tuple(names), len(decay.LAWS))
        return compiled[0], compiled[1]

    def text(self, dialect: str, laws: Iterable[type[decay.Decay]]) -> str:
        """Return the text with its named parameters, for marks under any of some decay laws."""
        text = self.texts.get(dialect, self.texts["sqlite"])
        if unknown := self._options - {name for name, _ in _OPTION.findall(text)}:
            raise LookupError(f"{self.name} has no optional part {', '.join(sorted(unknown))}")
        text = _OPTION.sub(lambda option: option[2] if option[1] in self._options else "", text)
        fragments = self._file.fragments(dialect) | {"share": _share(laws)} | self._parts

        def fill(slot: re.Match[str]) -> str:
            parameters, body = fragments[slot[1]]
            arguments = slot[2].split(", ") if slot[2] else ()
            for parameter, argument in zip(parameters, arguments, strict=True):
                body = body.replace(f"{{{parameter}}}", argument)
            return body

        while _SLOT.search(text):  # a fragment may contain slots
            text = _SLOT.sub(fill, text)
        return text


def _share(laws: Iterable[type[decay.Decay]]) -> tuple[Sequence[str], str]:
    """Return the fragment `share`: what a mark's law leaves of its intensity, whichever of the laws it is."""
    cases = (f"WHEN {{name}} = '{law.name}' THEN {law.share_sql('{law}', '{age}', '{a}', '{b}')}" for law in laws)
    return ("law", "name", "age", "a", "b"), f"CASE {' '.join(cases)} END"


class StatementFile:
    """The statements of one file, as attributes. The file is read when a statement is first used.

    Args:
        name: The file's name, without its suffix.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._statements: dict[str, Statement] = {}
        self._fragments: dict[str, Fragments] = {
            "sqlite": {f"{table}.*": ((), _columns(table)) for table in rows.COLUMNS},
            "postgresql": {},
        }

    def __getattr__(self, name: str) -> Statement:
        if name.startswith("_") or name not in self.all():
            raise AttributeError(f"{self.__dict__.get('name')}.sql has no statement {name!r}")
        self.__dict__.update(self._statements)  # later accesses find the statement without this call
        return self._statements[name]

    def all(self) -> dict[str, Statement]:
        """Return every statement by its name."""
        if not self._statements:
            statements: dict[str, Statement] = {}
            for file in dict.fromkeys(("shared", self.name)):
                self._read((files("blackboard.store") / "sql" / f"{file}.sql").read_text("utf-8"), statements)
            self._statements = statements  # at once: other threads may be reading
        return self._statements

    def fragments(self, dialect: str) -> Fragments:
        """Return the fragments that the statements may use on a kind of database."""
        self.all()
        return self._fragments["sqlite"] | self._fragments.get(dialect, {})

    def _read(self, text: str, statements: dict[str, Statement]) -> None:
        for block in _BLOCK.finditer(text):
            heading, name, parameters, row, word, comment, body = block.groups()
            dialect, body = "postgresql" if word == "postgresql" else "sqlite", body.strip().removesuffix(";")
            if heading == "fragment":
                self._fragments[dialect][name] = (parameters.split(", ") if parameters else (), body)
            elif word == "postgresql":
                statements[name].texts[word] = body
            elif word not in _EFFECTS:
                raise LookupError(f"{self.name}.sql, {name}: there is no word ({word})")
            else:
                doc = " ".join(line.removeprefix("-- ") for line in comment.splitlines())
                type_ = getattr(rows, row) if row else None
                statements[name] = Statement(f"{self.name}.{name}", doc, type_, word, self, {dialect: body})


def _columns(table: str) -> str:
    return ", ".join(f"{table}.{column}" for column in rows.COLUMNS[table])


MARKS = StatementFile("marks")
CROSSINGS = StatementFile("crossings")
ACTIVATIONS = StatementFile("activations")
MODEL_CALLS = StatementFile("model_calls")
DEPLOYMENTS = StatementFile("deployments")
ERASURE = StatementFile("erasure")
RETENTION = StatementFile("retention")
