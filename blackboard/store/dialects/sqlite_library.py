"""The SQLite library of this process: the interpreter's own, or a newer one, each with its driver."""

from __future__ import annotations

import sqlite3
from typing import Any


def is_safe_sqlite(version: tuple[int, ...]) -> bool:
    """Return whether an SQLite version is free of the checkpoint race that can corrupt a database in WAL mode."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def is_usable(driver: Any) -> bool:
    """Return whether a driver's SQLite is safe, and has the functions that decay laws need."""
    if not is_safe_sqlite(driver.sqlite_version_info):
        return False
    connection = driver.connect(":memory:")
    try:
        connection.execute("SELECT power(2.0, 0.5), exp(1.0)")
    except driver.Error:
        return False
    finally:
        connection.close()
    return True


def choose_driver() -> Any:
    """Return the driver of SQLite: the interpreter's own where it is safe, so that a process has only one library.

    Elsewhere, `pysqlite3` brings a newer SQLite. Where it is not installed, or was built with an old library, the
    interpreter's own is used, and checkpoints hold the write lock.
    """
    if is_usable(sqlite3):
        return sqlite3
    try:
        import pysqlite3
    except ImportError:
        return sqlite3
    return pysqlite3 if is_usable(pysqlite3) else sqlite3


sqlite = choose_driver()
"""The driver of SQLite."""
# Without an adapter, the driver searches for one at each NULL, which takes as long as another statement.
sqlite.register_adapter(type(None), lambda none: none)

HAS_SAFE_CHECKPOINTS = is_safe_sqlite(sqlite.sqlite_version_info)
"""Whether its library is free of the checkpoint race."""

SQLITE_VERSION: str = sqlite.sqlite_version
"""The version of the SQLite library in this process."""
