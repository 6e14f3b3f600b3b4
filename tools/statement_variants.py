"""All statements of the store, and the forms in which each is run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from blackboard.core.marks.decay import LAWS, Exponential
from blackboard.store import statements, tag_and_text_filters
from blackboard.store.live_mark_statements import live_marks, live_marks_in_order, share_of, strengths
from blackboard.store.statement_file import Statement, StatementFile

FILES = [value for value in vars(statements).values() if isinstance(value, StatementFile)]
SUMS = dict(zip(("sum0", "sum1"), Exponential.sums_sql, strict=True))


def every_statement() -> list[Statement[object]]:
    """Return the statements of all files."""
    return [statement for file in FILES for statement in file.all().values()]


def variants(statement: Statement[object]) -> Iterator[tuple[str, Statement[object]]]:
    """Yield the forms in which a statement is run, each with a name."""
    if statement.name.startswith("marks.sum_"):
        yield statement.name, statement.using(**SUMS)
        return
    if "{live_marks}" in statement.texts["sqlite"]:
        statement = statement.using(share=share_of(LAWS.values()))
    if "{filter_by_tags}" in statement.texts["sqlite"]:
        yield from _filtered(statement)
    if "{filter_deposits}" in statement.texts["sqlite"]:
        yield (
            f"{statement.name} [tags]",
            statement.using(filter_deposits=tag_and_text_filters.tag_filter_text("has_tag", 2)),
        )
    options = re.findall(r"\[(\w+):", statement.texts["sqlite"])
    yield statement.name, statement
    for option in options:
        yield f"{statement.name} [{option}]", statement.using(option)
    if len(options) > 1:
        yield f"{statement.name} [all]", statement.using(*options)


def _filtered(statement: Statement[object]) -> Iterator[tuple[str, Statement[object]]]:
    """Yield the forms of a statement that filter by two tags."""
    if statement.name in _BY_TAGS:
        yield f"{statement.name} [tags]", _BY_TAGS[statement.name](2)
    else:
        for options in (("kind",), ("kind", "limit"), ("kind", "law", "limit"), ("kind", "subject", "limit")):
            yield f"{statement.name} [tags, {', '.join(options)}]", live_marks(*options, tags=2)


_BY_TAGS: dict[str, Callable[[int], Statement[object]]] = {
    "marks.live_marks_in_order": live_marks_in_order,
    "search.strengths": strengths,
}
"""Statements that filter by a number of tags, and have no other parts."""
