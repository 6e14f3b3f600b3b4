"""Draw `docs/fading.svg`: strengths that fade and cross, measured on a real board; `make picture` runs this.

The test `tests/docs/test_picture.py` compares the wakes in the picture with those of the board.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog

from blackboard import Blackboard, Context, Daemon, Exponential, ManualClock, Mark, agent, strength
from blackboard.clock import to_datetime

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "fading.svg"
MINUTES = 150


class Smoke(Mark, kind="smoke", decay=Exponential("25m"), on_repeat="add"):
    """A report of smoke, which adds to the strength that is left of earlier reports."""


class Alarm(Mark, kind="alarm"):
    """A request that somebody looks."""


class AllClear(Mark, kind="all_clear"):
    """The end of an alarm: the smoke has faded."""


@agent(watches=strength(Smoke) >= 0.7, writes=[Alarm])
def watchman(smokes: list[Smoke], context: Context) -> list[Alarm]:
    """Raise the alarm."""
    return [Alarm(subject=smoke.subject) for smoke in smokes]


@agent(watches=strength(Smoke) < 0.2, writes=[AllClear])
def caretaker(smokes: list[Smoke], context: Context) -> list[AllClear]:
    """Give the all-clear."""
    return [AllClear(subject=smoke.subject) for smoke in smokes]


REPORTS = {0: ("kitchen", 0.4), 20: ("kitchen", 0.3), 30: ("kitchen", 0.35), 75: ("cellar", 0.6)}
"""The subject and intensity of each report, by its minute."""


@dataclass
class Measured:
    """The readings of the board, in minutes from the start."""

    strengths: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """The minute and strength of each reading, by subject."""
    wakes: list[tuple[float, str, str]] = field(default_factory=list)
    """The minute, agent and subject of each crossing."""


def measure(folder: Path) -> Measured:
    """Deposit the reports on a board in `folder`, and read each strength every minute."""
    clock, found = ManualClock(), Measured()
    start = clock.now()
    with Blackboard.open(f"sqlite:///{folder}/board.db", clock=clock, author="sensor") as board:
        board.deploy(watchman, caretaker)
        for minute in range(MINUTES + 1):
            _note(board, found, minute)
            if minute in REPORTS:
                subject, intensity = REPORTS[minute]
                board.deposit(Smoke(subject=subject), intensity=intensity)
                _note(board, found, minute)
            Daemon(board, [watchman, caretaker]).run(until_quiescent=True)
            clock.advance(timedelta(minutes=1))
        for row in reversed(board.activations(limit=100)):
            crossed = row.crossed_at - to_datetime(start)
            found.wakes.append((crossed / timedelta(minutes=1), row.agent, row.subject or ""))
    return found


def _note(board: Blackboard, found: Measured, minute: int) -> None:
    for mark in board.marks(Smoke):
        found.strengths.setdefault(mark.subject, []).append((minute, mark.strength))


def draw(measured: Measured, file: Path) -> None:
    """Write the picture as SVG, the same bytes for the same board and version of matplotlib."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "fading", "svg.fonttype": "none", "font.family": "sans-serif"}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4.2), layout="constrained")
    for (subject, points), colour in zip(measured.strengths.items(), ("#c0392b", "#7f8c8d"), strict=True):
        axes.plot(*zip(*points, strict=True), color=colour, linewidth=1.8)
        axes.annotate(subject, points[0], (5, 6), textcoords="offset points", color=colour)
    for level, text in ((0.7, "watchman: strength(smoke) >= 0.7"), (0.2, "caretaker: strength(smoke) < 0.2")):
        axes.axhline(level, color="#2c3e50", linewidth=0.8, linestyle="--")
        axes.annotate(text, (MINUTES, level), (-2, 3), textcoords="offset points", ha="right", color="#2c3e50")
    for minute, name, subject in measured.wakes:
        level = max(value for at, value in measured.strengths[subject] if abs(at - minute) < 1)
        axes.plot(minute, level, "o", color="#2c3e50", markersize=6)
        axes.annotate(
            f"{name} wakes, {minute:.1f} min",
            (minute, level),
            (8, 8) if name == "watchman" else (-6, -16),
            textcoords="offset points",
            ha="left" if name == "watchman" else "right",
            color="#2c3e50",
        )
    axes.set(xlabel="minutes", ylabel="strength", xlim=(0, MINUTES), ylim=(0, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    with tempfile.TemporaryDirectory() as made:
        draw(measure(Path(made)), PICTURE)
