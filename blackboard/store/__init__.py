"""The store: tables, views, migrations and every query; the only place with SQL. It decides nothing.

The modules of statements (`marks`, `watching` and the like) are taken from a shelf where they lie compiled, so that a
process which uses an SQLite board loads no SQLAlchemy for `from blackboard.store import marks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if not TYPE_CHECKING:  # a type checker reads the modules themselves

    def __getattr__(name: str) -> Any:
        from blackboard.store.shelf import MODULES, take

        if name not in MODULES:
            raise AttributeError(f"module 'blackboard.store' has no attribute {name!r}")
        globals().update(take())
        return globals()[name]
