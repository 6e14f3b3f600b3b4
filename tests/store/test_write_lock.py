"""The lock of the writers of a file."""

from __future__ import annotations

import gc
from pathlib import Path

from blackboard.store.sqlite.local_processes.write_lock import WriteLock


def test_lock_files_close_themselves_without_a_warning_in_whatever_order_the_collector_ends_them(
    tmp_path: Path,
) -> None:
    database = tmp_path / "board.db"
    database.touch()
    lock = WriteLock(database, 1.0)
    with lock.hold():
        pass
    vars(lock).clear()  # its files are freed first; if one was open, its warning fails the test
    del lock
    gc.collect()
