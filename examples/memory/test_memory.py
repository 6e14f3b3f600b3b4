"""The tests of the memory. The file *.board.toml beside this one is also a test."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from anthropic import Anthropic
from make_notes import notes
from memory import Answer, Found, Note, Question, recall, review
from replay_weeks import MONDAY, WEEKS, weeks
from replay_weeks_plain import weeks as weeks_of_index
from scripted_answers import serve

from blackboard import Blackboard, ManualClock, Reinforce
from blackboard.testing import ScriptedModel, context, mark
from plain import note_index

HERE = Path(__file__).parent

asked = mark(Question, "q1", question="Who objects to the seat price?")
useful = mark(Note, "n1", title="Pricing: objects to the seat price", text="Acme objects.", id=1)
useless = mark(Note, "n2", title="Pricing: praises the seat price", text="Bolt praises.", id=2)


def test_a_note_becomes_stronger_when_it_is_used() -> None:
    model = ScriptedModel(Found(answer="Acme.", used=[1]))
    found = list(recall([asked], context(recall, reads=[useful, useless], model=model)))
    assert found == [
        Answer(subject="q1", question="Who objects to the seat price?", answer="Acme.", notes=["n1"]),
        Reinforce(useful, by=0.3),
    ]


def test_a_question_that_no_note_matches_costs_no_call() -> None:
    model = ScriptedModel()
    [answer] = recall([asked], context(recall, model=model))
    assert isinstance(answer, Answer)
    assert (answer.answer, answer.notes, model.requests) == ("", [], [])


def test_the_review_counts_what_was_used_and_what_was_asked_in_vain() -> None:
    answers = [
        mark(Answer, "q1", question="?", answer="Acme.", notes=["n2", "n1"]),
        mark(Answer, "q2", question="?", answer="Bolt.", notes=["n2"]),
        mark(Answer, "q3", question="?", answer="", notes=[]),
    ]
    assert review([], context(review, reads=answers)).text == "3 questions, 1 in vain; most used: n2 (2), n1 (1)"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lead the calls of the model to the stand-in."""
    with serve() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.usefixtures("stand_in")
def test_the_weeks_are_those_of_the_guide_and_the_plain_index_gives_the_same_answers(tmp_path: Path) -> None:
    rows = notes(MONDAY)
    with Blackboard.open(tmp_path / "weeks.db", clock=ManualClock(MONDAY)) as board:
        shown = "\n".join(weeks(board, rows))
        calls = sum(row.calls for row in board.costs(days=7 * WEEKS + 1))
        given = board.query("select payload from mark_history where kind = 'answer' and event = 'deposited'")
    assert f"```text\n{shown}\n```" in (HERE / "README.md").read_text("utf-8")

    with closing(note_index.connect(str(tmp_path / "notes.db"))) as db:
        list(weeks_of_index(db, Anthropic(), rows))
        assert db.execute("select count(*) from answer where usd > 0").fetchone()[0] == calls
        plain = db.execute("select question, answer, notes from answer order by at").fetchall()
    page = (HERE.parents[1] / "docs/comparison.md").read_text("utf-8")
    assert f"| model calls in 6 weeks | {calls} | {calls} |" in page
    answers = [json.loads(str(payload)) for (payload,) in given]
    assert [(one["question"], one["answer"], one["notes"]) for one in answers] == [
        (question, answer, json.loads(names)) for question, answer, names in plain
    ]


@pytest.fixture
def index() -> Iterator[sqlite3.Connection]:
    """Return a plain index of two notes."""
    with closing(note_index.connect(":memory:")) as db:
        note_index.load(db, [row("n1", "Objects to the seat price"), row("n2", "Praises the café")], MONDAY)
        yield db


def row(name: str, title: str) -> dict[str, str]:
    return {"id": name, "title": title, "text": "", "made_at": MONDAY.isoformat()}


@pytest.mark.parametrize("question", ["", "?", '" OR', "NOT (seat NEAR", "title: *", "seat'--"])
def test_no_question_is_an_error_of_the_plain_index(index: sqlite3.Connection, question: str) -> None:
    assert len(note_index.search(index, question)) == ("seat" in question)


def test_the_plain_index_follows_the_notes(index: sqlite3.Connection) -> None:
    assert [note["name"] for note in note_index.search(index, "CAFE")] == ["n2"]
    note_index.load(index, [row("n2", "Praises the tea")], MONDAY)
    assert note_index.search(index, "cafe") == []
    assert note_index.nightly(index, MONDAY + timedelta(days=198)) == 0
    assert note_index.nightly(index, MONDAY + timedelta(days=200)) == 2
    assert note_index.search(index, "tea") == []
    index.execute("insert into note_text (note_text) values ('integrity-check')")
