"""Runs a file of notes through weeks of questions, and prints what became of them.

python scripted_answers.py python replay_weeks.py < notes.json lets the stand-in answer. The daemon and its calls are
real; only the clock is moved by hand.
"""

import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from make_notes import questions
from memory import Note, Question, Review

from blackboard import Blackboard, ManualClock
from blackboard.testing import replay

ROW = "{:%b %d}  {:5}  {:4}  {:8}  {:9}  {:5}  {:.4f}"
FILE = Path(__file__).with_name("blackboard.toml")
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
WEEK = timedelta(weeks=1)
WEEKS = 6
MAX_AGE = timedelta(days=200)
SOUGHT = "partner terms"
DURING = """
    select
        sum(event = 'reinforced') as used,
        sum(event = 'evaporated') as forgotten,
        (select sum(event = 'deposited') - sum(event = 'evaporated')
            from mark_history where kind = 'note' and recorded_at <= :until) as notes,
        (select sum(calls) from costs where day >= date(:since) and day < date(:until)) as calls,
        (select sum(usd) from costs where day >= date(:since) and day < date(:until)) as usd
    from mark_history
    where kind = 'note' and recorded_at > :since and recorded_at <= :until
"""


def weeks(board: Blackboard, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Load the notes, run weeks of questions, and yield lines about them."""
    notes = [Note(subject=row["id"], title=row["title"], text=row["text"]) for row in rows]
    board.deposit_many(notes, keys=[row["id"] for row in rows], occurred_at=[row["made_at"] for row in rows])
    asked = [
        (MONDAY + at, Question(subject=f"q{number}", question=text))
        for number, (at, text) in enumerate(questions(WEEKS), 1)
    ]
    yield from found(board)
    yield "week    asked  used  forgotten  notes  calls     US$"
    for week in range(WEEKS):
        since, until = MONDAY + week * WEEK, MONDAY + (week + 1) * WEEK
        due = [(at, question) for at, question in asked if since <= at < until]
        replay(board, FILE, due, until=until, model="deployed")
        [done] = board.query(DURING, {"since": since.isoformat(), "until": until.isoformat()})
        yield ROW.format(since, len(due), *done)
    old = [note for note in board.marks(Note) if note.occurred_at < MONDAY + WEEKS * WEEK - MAX_AGE]
    yield f"{len(old)} notes are older than 200 days: they were used"
    yield from (f"last review: {last.text}" for last in board.marks(Review))
    yield from found(board)


def found(board: Blackboard) -> Iterator[str]:
    yield f"{SOUGHT}:"
    for note in board.search(SOUGHT, kind=Note, limit=4):
        yield f"{note.strength:.2f}  {note.subject:5}  {note.title}"


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with (
        TemporaryDirectory() as folder,
        Blackboard.open(Path(folder, "weeks.db"), clock=ManualClock(MONDAY)) as board,
    ):
        for line in weeks(board, json.load(sys.stdin)):
            print(line)
