"""The live marks of a kind that pass a filter by their tags."""

from __future__ import annotations

from typing import Any

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.tags import TagFilter, Where
from blackboard.errors import UnknownName
from blackboard.store import tag_and_text_filters
from blackboard.store.statements import MARKS

FEW_MARKS = 1000
"""If at most this many marks have a tag, they are read one by one instead of in the order of strength."""


def filter_of(txn: BoardTransaction, kind: str, where: Where | None) -> TagFilter | None:
    """Return the filter of a kind's marks for the values that tags must have; None if any mark passes.

    Raises:
        UnknownName: The kind is not registered, or has no such tag.
        UsageError: A value cannot be the value of a tag.
    """
    return txn.kind(kind).tag_schema.filter(where) if where else None


def kinds_with_tags(txn: BoardTransaction, where: Where) -> list[str]:
    """Return the kinds that have all the tags of a filter.

    Raises:
        UnknownName: No kind has such a tag.
    """
    kinds = txn.active.kinds
    known = {tag for kind in kinds.values() for tag in kind.tags}
    for tag in where:
        if tag not in known:
            raise UnknownName("tag", tag, known)
    return [name for name, kind in kinds.items() if where.keys() <= {*kind.tags}]


def rarest_first(txn: BoardTransaction, tags: TagFilter) -> tuple[TagFilter, bool]:
    """Return a filter with the rarest tag first, and whether to begin with the marks that have that tag."""
    numbers = {
        name: txn.sql.value(
            MARKS.count_tagged, kind=tags.schema.kind, name=name, values=txn.sql.list_of(sorted(keys)), limit=FEW_MARKS
        )
        for name, keys in tags.keys.items()
    }
    names = sorted(numbers, key=lambda name: numbers[name])
    return tags._replace(keys={name: tags.keys[name] for name in names}), numbers[names[0]] < FEW_MARKS


def parameters(txn: BoardTransaction, tags: TagFilter) -> dict[str, Any]:
    """Return the parameters of a statement that filters by tags."""
    return tag_and_text_filters.tag_filter_parameters(txn.sql, tags.keys)
