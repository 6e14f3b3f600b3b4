"""The views that people query: their texts, and a hash that shows whether a board has the texts of this version.

A board stores the hash. The texts contain the decay laws of this version and the laws that the board has stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from blackboard.clock import DEFAULT_LEAP
from blackboard.core.marks import decay
from blackboard.errors import StoreError
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.live_marks import share_of
from blackboard.store.statement_file import StatementFile

_STATEMENTS = StatementFile("views")

BUILT_IN_LAWS = tuple(name for name, law in decay.LAWS.items() if law.__module__ == decay.__name__)
"""The names of the decay laws of this version."""


def view_definitions(dialect: Dialect, stored_laws: Iterable[str] = (), *, is_searched: bool = False) -> dict[str, str]:
    """Return the SELECT behind each view, for the laws of this version and the laws that the board has stored.

    Without a full-text index, which `is_searched` says, the view of searched marks is empty.

    Raises:
        StoreError: This process does not know a stored law.
    """
    names = sorted({*BUILT_IN_LAWS, *stored_laws})
    if unknown := [name for name in names if name not in decay.LAWS]:
        raise StoreError(
            f"the board uses the decay law {unknown[0]!r}, which this version does not know; import the module that"
            " defines it, or use the version that wrote it"
        )
    parts = {"leap": str(DEFAULT_LEAP), "share": share_of(decay.LAWS[name] for name in names)}
    return {
        name: statement.using(*_options(name, is_searched=is_searched), **parts).text(dialect.name)
        for name, statement in _STATEMENTS.all().items()
    }


def _options(name: str, *, is_searched: bool) -> list[str]:
    if name != "searchable_marks":
        return []
    return ["with_index" if is_searched else "without_index"]


def hash_of(definitions: dict[str, str]) -> str:
    """Return a hash of the texts of views."""
    return hashlib.sha256("\n".join(f"{name} {text}" for name, text in definitions.items()).encode()).hexdigest()
