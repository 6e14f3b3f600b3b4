"""The measurements and their aims as a table, as JSON, and as a plot of cost against board size."""

from __future__ import annotations

import compileall
import json
import logging
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import structlog

__all__ = ["Row", "as_installed", "as_json", "as_table", "plot", "quiet"]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Row:
    """A measurement."""

    what: str
    size: int | None
    """The number of live marks on the board; None if it is irrelevant."""
    value: float | None
    """The value; None if the measurement failed, with the reason in the detail."""
    unit: str
    aim: float | None = None
    side: Literal["at least", "at most"] = "at least"
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the aim was reached; None if there is no aim or no value."""
        if self.aim is None or self.value is None:
            return None
        return self.value >= self.aim if self.side == "at least" else self.value <= self.aim

    @property
    def failed(self) -> bool:
        """Whether the measurement failed."""
        return self.value is None


def quiet() -> None:
    """Show only warnings and errors of the daemon's log."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def as_installed() -> dict[str, str]:
    """Compile the modules as an installer does, and return the environment for a process whose start is measured."""
    for package in ("agents", "benchmarks", "blackboard"):
        compileall.compile_dir(ROOT / package, quiet=1)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "agents")))}


def as_table(rows: Iterable[Row]) -> str:
    """Return the rows as aligned text."""
    lines = [("what", "marks", "measured", "aim", "", "detail")]
    for row in rows:
        aim = "" if row.aim is None else f"{row.side} {_short(row.aim)}"
        measured = "" if row.value is None else f"{_short(row.value)} {row.unit}"
        verdict = "FAILED" if row.failed else {True: "ok", False: "MISSED", None: ""}[row.met]
        size = "" if row.size is None else f"{row.size:,}"
        lines.append((row.what, size, measured, aim, verdict, row.detail))
    widths = [max(len(line[i]) for line in lines) for i in range(6)]
    return "\n".join(
        "  ".join(
            text.rjust(width) if i in (1, 2) else text.ljust(width) for i, (text, width) in enumerate(pairs)
        ).rstrip()
        for pairs in ([*zip(line, widths, strict=True)] for line in lines)
    )


def as_json(rows: Sequence[Row], *, complete: bool = True, **about: Any) -> str:
    """Return the rows with the machine as JSON, and whether all requested measurements were made."""
    machine = {"python": platform.python_version(), "system": platform.platform(), **about}
    result = [{**asdict(row), "met": row.met} for row in rows]
    return json.dumps({"machine": machine, "complete": complete, "rows": result}, indent=1, allow_nan=False)


def plot(rows: Iterable[Row], path: Path) -> bool:
    """Draw cost against board size for measurements at several sizes; return False if matplotlib is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return False
    mpl.use("Agg")
    from matplotlib import pyplot

    series: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        if row.size is not None and row.value is not None and row.unit == "ms":
            series.setdefault(row.what, []).append((row.size, row.value))
    figure, axes = pyplot.subplots(figsize=(9, 6))
    for what, points in series.items():
        if len(points) > 1:
            axes.plot(*zip(*sorted(points), strict=True), marker="o", label=what)
    axes.set(xscale="log", yscale="log", xlabel="live marks on the board", ylabel="milliseconds")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=120, bbox_inches="tight")
    pyplot.close(figure)
    return True


def _short(value: float) -> str:
    if value and abs(value) < 0.01:
        return f"{value:.2g}"
    return f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) < 100 else f"{value:,.0f}"
