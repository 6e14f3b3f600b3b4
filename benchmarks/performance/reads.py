"""Reads: the strongest marks of a kind, the measures of one subject, the views, and the command line."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.performance import boards
from benchmarks.performance.bare_sqlite import percentile
from benchmarks.performance.report import Row, as_installed
from blackboard import Blackboard, count, strength, total
from blackboard.board.mark_tables.marks_in_scopes import fading_marks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.stored_laws import law_key
from blackboard.core.conditions.fading_forecasts import value_at
from blackboard.store.dialects.sqlite_library import sqlite

__all__ = ["command_line", "measures", "strongest", "views"]


def strongest(folder: Path, size: int, *, count: int = 100) -> Iterator[Row]:
    """Measure a read of the 20 strongest marks of a kind with the exponential law."""
    with Blackboard.open(f"sqlite:///{boards.filled(folder, size)}", kinds=boards.KINDS) as board:
        yield Row(
            "strongest 20 of a kind",
            size,
            _median(lambda: board.marks("trace", limit=20), count),
            "ms",
            1.0,
            "at most",
        )


def measures(folder: Path, size: int, *, rounds: int = 200) -> Iterator[Row]:
    """Measure strength, total and count over one subject."""
    with Blackboard.open(f"sqlite:///{boards.filled(folder, size)}", kinds=boards.KINDS) as board:
        known = itertools.cycle(boards.subjects(min(size, 1000)))
        condition = (strength("trace") >= 1) & (total("trace") >= 1) & (count("trace") >= 1)

        def measure(txn: BoardTransaction) -> list[float]:
            marks = fading_marks(txn, condition, next(known))
            return [value_at(comparison.measure, marks, txn.now) for comparison in condition.comparisons()]

        taken = _median(lambda: board.session.read(measure), min(rounds, size))
    yield Row("strength, total and count over a subject", size, taken, "ms", 0.2, "at most")


def views(folder: Path, size: int, *, count: int = 50) -> Iterator[Row]:
    """Measure the views on a plain connection without functions of the program."""
    path = boards.filled(folder, size)
    key = law_key(boards.Trace.defaults.decay)
    connection: Any = sqlite.connect(f"file:{path}?mode=ro", uri=True)
    queries = {
        "view: by kind and subject": (
            "SELECT * FROM live_marks WHERE kind = 'trace' AND subject = ?",
            (next(boards.subjects(1)),),
        ),
        "view: strongest 20 by kind, law and order_key": (
            "SELECT * FROM live_marks WHERE kind = 'trace' AND law = ? ORDER BY order_key DESC LIMIT 20",
            (key,),
        ),
    }
    for what, (sql, values) in queries.items():
        assert connection.execute(sql, values).fetchall(), what
        taken = _median(lambda sql=sql, values=values: connection.execute(sql, values).fetchall(), count)  # type: ignore[misc]
        yield Row(what, size, taken, "ms", 1.0, "at most")
    connection.close()


def command_line(folder: Path, size: int, *, count: int = 5) -> Iterator[Row]:
    """Measure `blackboard marks --limit 20` as a whole process, and the start of the interpreter for comparison."""
    environ = as_installed()
    program = [sys.executable, "-m", "blackboard", "--database", f"sqlite:///{boards.filled(folder, size)}"]
    for what, arguments in (
        ("marks --limit 20", ["marks", "--limit", "20"]),
        ("marks --kind trace --limit 20", ["marks", "--kind", "trace", "--limit", "20"]),
    ):
        taken = _median(lambda arguments=arguments: _run([*program, *arguments], environ), count)  # type: ignore[misc]
        yield Row(f"`{what}`, a whole process", size, taken, "ms", 500.0, "at most")
    yield Row("python -c pass", None, _median(lambda: _run([sys.executable, "-c", "pass"], environ), count), "ms")


def _run(command: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(
        command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environ
    )
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()}")


def _median(act: Callable[[], object], count: int) -> float:
    """Milliseconds."""
    act()
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        act()
        taken.append((time.perf_counter() - begin) * 1e3)
    return percentile(taken, 0.5)
