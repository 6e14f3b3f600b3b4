"""A subject is one subject however its letters were typed: it is stored and looked up in one form of Unicode (NFC)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import field_validator

from blackboard import Blackboard, Mark, agent, count, exactly, of_subject, strength
from blackboard.daemon import Daemon
from blackboard.errors import InvalidMark

ONE, TWO = "caf\u00e9/\u1e9b\u0323", "cafe\u0301/\u1e9b\u0323"


class Note(Mark, kind="note"):
    text: str = ""


class Copy(Mark, kind="copy", on_repeat="separate"):
    notes: int = 0


class Folded(Mark, kind="folded", on_repeat="separate"):
    @field_validator("subject")
    @classmethod
    def _fold(cls, subject: str) -> str:
        return subject.lower().replace("\u00e9", "e\u0301")


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Blackboard]:
    with Blackboard.open(tmp_path / "b.db") as board:
        board.deploy(kinds=[Note, Copy, Folded])
        yield board


def test_deposits_in_two_forms_join_one_mark(board: Blackboard) -> None:
    first = board.deposit(Note(subject=ONE))
    assert board.deposit(Note(subject=TWO), intensity=2).mark_id == first.mark_id
    assert board.deposit("note", subject=TWO, payload={}, intensity=3).outcome == "reinforced"
    [receipt] = board.deposit_many([Note(subject=TWO, intensity=4)])
    assert receipt.mark_id == first.mark_id
    assert board.subjects() == [ONE]


def test_a_key_stands_for_both_forms(board: Blackboard) -> None:
    board.deposit(Note(subject=ONE), key="k")
    assert board.deposit(Note(subject=TWO), key="k").outcome == "duplicate"


def test_a_form_that_a_class_makes_is_stored_in_the_one_form(board: Blackboard) -> None:
    board.deposit(Folded(subject="\u00c9"))
    board.deposit("folded", subject="E\u0301", payload={})
    assert board.subjects() == ["\u00e9"]


def test_every_question_takes_both_forms(board: Blackboard) -> None:
    @agent(watches=count(Note) >= 9, writes=[])
    def idle(marks: list[Any], context: Any) -> None:
        return None

    board.deploy(idle)
    board.deposit(Note(subject=TWO))
    for subject in (ONE, TWO):
        assert len(board.marks(subject=subject)) == len(board.marks(Note, subject=subject)) == 1
        assert len(board.marks(subject=subject, at=board.now())) == 1
        assert len(board.history(subject)) == 1
        assert board.subjects(subject[:5]) == [ONE]
        [watch] = board.explain("idle", subject).watches
        assert watch.values is not None
        assert watch.values[0].marks == 1
    assert board.forget(TWO).events == 1
    assert board.marks() == []


def test_an_agent_reads_and_writes_in_both_forms(board: Blackboard) -> None:
    @agent(watches=strength(Note, subject="cafe\u0301*") >= 0.5, reads=[of_subject(Copy, 5)], writes=[Copy])
    def copier(marks: list[Any], context: Any) -> list[Mark]:
        return [Copy(subject=TWO, notes=len(context.read(Copy, TWO)))]

    board.deploy(copier)
    board.deposit(Copy(subject=TWO))
    board.deposit(Note(subject=TWO))
    Daemon(board, [copier]).run(until_quiescent=True)
    assert {(copy.subject, copy.notes) for copy in board.marks(Copy)} == {(ONE, 0), (ONE, 1)}


def test_a_subject_is_measured_as_it_is_stored(board: Blackboard) -> None:
    board.deposit(Note(subject="e\u0301" * 512))
    with pytest.raises(InvalidMark, match="at most 512"):
        board.deposit(Note(subject="\u0958" * 300))  # its one form has two characters


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("lead/vip-*", ["lead/vip-", "lead/vip-a/b\nc"], ["lead/vip", "Lead/vip-1", "x/lead/vip-1"]),
        ("lead/?", ["lead/a", "lead/\u00e9", "lead//"], ["lead/", "lead/ab"]),
        ("lead/[ab1-3]", ["lead/a", "lead/2"], ["lead/c", "lead/4", "lead/A"]),
        ("lead/[!a]", ["lead/b", "lead/["], ["lead/a", "lead/"]),
        ("lead/[[]1]", ["lead/[1]"], ["lead/1"]),
        ("lead/[", ["lead/["], ["lead/"]),
        (exactly("srv[3]/*?"), ["srv[3]/*?"], ["srv3/*?", "srv[3]/xx"]),
        (exactly("[a]/") + "*", ["[a]/", "[a]/x"], ["a/x"]),
    ],
)
def test_patterns_mean_what_is_documented(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    measure = (strength(Note, subject=pattern) >= 1).measure
    assert [subject for subject in fits if not measure.covers(subject)] == []
    assert [subject for subject in fits_not if measure.covers(subject)] == []
