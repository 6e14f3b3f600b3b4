"""A run of measurements whose rows are written immediately, so that an interrupted run keeps them."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.performance import report
from benchmarks.performance.report import Row

__all__ = ["MeasurementRun", "Part"]

Part = partial[Iterator[Row]]


class MeasurementRun:
    """A run of measurements.

    Args:
        written: The JSON file, which is written after each row.
        about: What else the file says about the machine.
    """

    def __init__(self, written: Path, **about: Any) -> None:
        self.rows: list[Row] = []
        """The rows so far."""
        self._written, self._about = written, about
        self._is_complete = self._is_interrupted = False

    def measure(self, todo: Iterable[tuple[str, list[Part]]]) -> None:
        """Run the parts in order, until an interrupt. A part that fails is reported, and the next parts still run."""
        try:
            for row in _rows(todo):
                self.rows.append(row)
                print(report.as_table([row]).splitlines()[1], file=sys.stderr, flush=True)
                self._write()
            self._is_complete = True
        except KeyboardInterrupt:
            self._is_interrupted = True
            print(f"interrupted; the measurements so far are in {self._written}", file=sys.stderr)
        if self.rows:
            self._write()

    def text(self) -> str:
        """Return the rows as JSON."""
        return report.as_json(self.rows, complete=self._is_complete, **self._about)

    @property
    def exit_code(self) -> int:
        """130 after an interrupt, 1 if a measurement failed, otherwise 0."""
        return 130 if self._is_interrupted else int(any(row.failed for row in self.rows))

    def _write(self) -> None:
        self._written.write_text(self.text() + "\n")


def _rows(todo: Iterable[tuple[str, list[Part]]]) -> Iterator[Row]:
    for name, group in todo:
        for part in group:
            try:
                yield from part()
            except Exception as error:
                traceback.print_exc()
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                what = f"{name}: {part.func.__name__}"
                yield Row(what, None, None, "", detail=reason[:200])
