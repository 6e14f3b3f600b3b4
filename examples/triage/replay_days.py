"""Runs a file of issues through days of triage, and prints what became of them.

python scripted_verdicts.py python replay_days.py < issues.json lets the stand-in for the Messages API answer.
The daemon and its calls are real; only the clock is moved by hand.
"""

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from blackboard import Blackboard, ManualClock
from blackboard.testing import replay
from triage import Duplicate, Issue, Original, Triaged

ROW = "{:%a}  {:7}  {:6}  {:5}  {:.4f}  {:3}  {:6}"
FILE = Path(__file__).with_name("blackboard.toml")
MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAY = """
    select
        sum(kind = 'triaged' and author = 'judge') as judged,
        (select calls from costs where day = :day) as calls,
        (select usd from costs where day = :day) as usd,
        sum(kind = 'decision' and author = 'ada') as ada,
        sum(kind = 'decision' and author = 'deputy') as deputy
    from mark_history
    where event = 'deposited' and date(recorded_at) = :day
"""


def days(board: Blackboard, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Load the issues, run days until none waits, and yield lines about it."""
    yield f"first load:  {load(board, rows)}"
    yield f"second load: {load(board, rows)}"
    yield "     waiting  judged  calls  US$     ada  deputy"
    day = MONDAY
    while not board.marks(Triaged) or board.agenda():
        run(board, day)
        [done] = board.query(DAY, {"day": f"{day:%Y-%m-%d}"})
        waiting = len(board.marks(Original)) - len(board.marks(Triaged))
        yield ROW.format(day, waiting, *done)
        day += timedelta(days=1)

    repeats = Counter(mark.of for mark in board.marks(Duplicate))
    yield f"{repeats.total()} duplicates. What most people wait for:"
    for issue in board.marks(Issue, limit=5):
        [found] = board.marks(Triaged, subject=issue.subject)
        reports, labels = 1 + repeats[issue.subject], " ".join(found.labels)
        yield f"{reports} reports  {found.priority:5}  {labels:13}  {issue.title}"


def load(board: Blackboard, rows: list[dict[str, Any]]) -> str:
    """Deposit the issues. The key names the issue and its version, so a repeated load adds nothing."""
    issues = [Issue(subject=str(row["number"]), title=row["title"], body=row["body"]) for row in rows]
    receipts = board.deposit_many(issues, keys=[f"{row['number']} of {row['updated_at']}" for row in rows])
    outcomes = Counter(receipt.outcome for receipt in receipts)
    return ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())


def run(board: Blackboard, day: datetime) -> None:
    """Run one day. Ada answers her questions at 10:00; Bob is away."""
    replay(board, FILE, [], until=day.replace(hour=10), model="deployed")
    for need in board.inbox(assignee="ada"):
        board.as_author("ada").answer(need.id, "soon")
    replay(board, FILE, [], until=day.replace(hour=23), model="deployed")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with (
        TemporaryDirectory() as folder,
        Blackboard.open(Path(folder, "days.db"), clock=ManualClock(MONDAY)) as board,
    ):
        for line in days(board, json.load(sys.stdin)):
            print(line)
