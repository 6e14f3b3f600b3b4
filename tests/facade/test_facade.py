"""Deposits work by class and by name, in the name of another author, and in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Daemon, Deposit, ManualClock, Mark, Receipt, SystemClock
from blackboard.errors import InvalidDuration, InvalidMark, UniqueConflict, UnknownName, UsageError
from tests.support.file_boards import path_of


class Knock(Mark, kind="knock", on_repeat="separate", unique="door"):
    door: str


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, author="person:ada", clock=clock, kinds=[Knock]) as board:
        yield board


def knocks(count: int) -> list[Knock]:
    return [Knock(subject=f"s/{n}", door=str(n)) for n in range(count)]


def test_a_kind_can_be_named_instead_of_its_class(board: Blackboard) -> None:
    receipt = board.deposit("knock", subject="s", payload={"door": "front"}, intensity=0.5)
    assert (receipt.outcome, receipt.strength) == ("deposited", 0.5)
    assert [(mark.subject, mark.door) for mark in board.marks(Knock)] == [("s", "front")]
    with pytest.raises(UnknownName):
        board.deposit("knack", subject="s", payload={})


def test_objects_of_the_interface_show_what_they_are(board: Blackboard) -> None:
    mark = Knock(subject="s", door="1")
    assert repr(mark) == "Knock(subject='s', intensity=1.0, door='1')"
    board.deposit(mark, intensity=0.5)
    (read,) = board.marks(Knock)
    assert repr(read) == "Knock(subject='s', intensity=0.5, door='1', id=1, strength=0.5, author='person:ada')"
    assert repr(board) == f"Blackboard({board.database.location!r}, author='person:ada')"
    assert repr(Daemon(board, [])) == f"Daemon({board!r}, agents=[])"
    assert repr(SystemClock()) == "SystemClock()"


def test_a_handle_deposits_in_its_author_s_name_on_the_same_board(board: Blackboard) -> None:
    other = board.as_author("import")
    other.deposit(Knock(subject="a", door="1"))
    other.deposit_many([Knock(subject="b", door="2")])
    board.deposit(Knock(subject="c", door="3"))
    assert {mark.subject: mark.author for mark in board.marks()} == {"a": "import", "b": "import", "c": "person:ada"}
    assert other.session is board.session


@pytest.mark.parametrize("named", [{"subject": "b"}, {"payload": {"door": "2"}}, {"payload": {}}])
def test_a_mark_has_its_own_subject_and_payload(board: Blackboard, named: dict[str, Any]) -> None:
    with pytest.raises(InvalidMark, match="subject and payload belong to a deposit by the name of a kind"):
        board.deposit(Knock(subject="a", door="1"), **named)
    assert not board.marks()


def test_a_taken_unique_value_has_an_error_of_its_own(board: Blackboard) -> None:
    board.deposit(Knock(subject="a", door="1"))
    with pytest.raises(UniqueConflict, match=r"knock\.door: 1 belongs to mark \d+ with subject a"):
        board.deposit(Knock(subject="b", door="1"))


def test_the_first_error_rolls_back_its_own_transaction_and_says_how_many_are_stored(board: Blackboard) -> None:
    marks = [*knocks(1500), Knock(subject="taken", door="7"), *knocks(1)]
    with pytest.raises(InvalidMark, match=r"belongs to mark .*; 1000 marks stored") as raised:
        board.deposit_many(marks)
    assert raised.value.stored == 1000
    assert len(board.marks("knock")) == 1000


def test_an_error_takes_the_place_of_its_receipt(board: Blackboard) -> None:
    items: list[Mark | Deposit] = [
        Knock(subject="a", door="1"),
        Deposit("knock", "b", {}),
        Deposit("knack", "c", {}),
        *knocks(1),
    ]
    results = board.deposit_many(items, on_error="return")
    assert [type(result) for result in results] == [Receipt, InvalidMark, UnknownName, Receipt]
    assert {mark.subject for mark in board.marks()} == {"a", "s/0"}


def test_receipts_come_in_the_order_of_the_items_and_keys_make_repeats_harmless(board: Blackboard) -> None:
    keys = [f"k{n}" for n in range(1200)]
    first = board.deposit_many(knocks(1200), keys=keys)
    again = board.deposit_many(knocks(1200), keys=keys)
    assert [receipt.mark_id for receipt in again] == [receipt.mark_id for receipt in first]
    assert {receipt.outcome for receipt in again} == {"duplicate"}
    with pytest.raises(ValueError, match="shorter"):
        board.deposit_many(knocks(2), keys=["k1"])


def test_a_path_works_wherever_a_url_does(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "plain.db"
    forms: list[str | Path] = [path, str(path), f"sqlite:///{path}"]
    for number, form in enumerate(forms):
        with Blackboard.open(form, clock=clock) as board:
            board.deposit(Knock(subject="s", door=str(number)))
            assert path_of(board) == path
    with Blackboard.open(path, clock=clock) as board:
        assert len(board.marks()) == 3


def test_the_first_write_believes_a_clock_within_leap(tmp_path: Path, clock: ManualClock) -> None:
    from datetime import timedelta

    path = tmp_path / "board.db"
    Blackboard.open(path, clock=clock).close()
    clock.advance(timedelta(days=400))
    with Blackboard.open(path, clock=clock, leap="500d") as board:
        assert (board.inbox(), board.status().doubted_clock) == ([], None)
    clock.advance(timedelta(days=4000))
    with Blackboard.open(path, clock=clock, leap=None) as board:
        assert (board.inbox(), board.status().doubted_clock) == ([], None)
    clock.advance(timedelta(days=400))
    with Blackboard.open(path, clock=clock, leap=timedelta(days=1)) as board:
        assert len(board.inbox()) == 1
    with pytest.raises(InvalidDuration):
        Blackboard.open(path, clock=clock, leap="500")


def test_callbacks_can_be_added_and_removed(board: Blackboard) -> None:
    from blackboard import agent, strength

    board.deploy(agent(watches=strength(Knock) >= 0.5, name="porter")(lambda marks, context: None))
    heard: list[str] = []
    first, second = board.subscribe(lambda: heard.append("first")), board.subscribe(lambda: heard.append("second"))
    board.deposit(Knock(subject="a", door="1"))
    first()
    first()
    board.deposit(Knock(subject="b", door="2"))
    second()
    board.deposit(Knock(subject="c", door="3"))
    assert heard == ["first", "second", "second"]


def test_forgetting_drops_answers_in_the_spool(board: Blackboard) -> None:
    from blackboard.board.activations.call_records import answer_spool

    kept, dropped = (answer_spool.file_of(board.database, number) for number in (1, 2))
    kept.parent.mkdir()
    for file in (kept, dropped):
        file.write_text("{}")
    answer_spool.delete_files(board.database, [2, 3])
    assert (kept.exists(), dropped.exists()) == (True, False)


@pytest.mark.parametrize("function", [lambda marks, context: None, "sales", 5])
def test_an_argument_that_is_no_agent_is_named(board: Blackboard, function: Any) -> None:
    with pytest.raises(UsageError, match=r"deploy\(\) takes agents, not .*; @agent makes an agent of a function"):
        board.deploy(function)
    with pytest.raises(UsageError, match=r"Daemon\(\) takes agents, not"):
        Daemon(board, [function])
    if not isinstance(function, str):
        with pytest.raises(UsageError, match=r"the agents of a daemon are a list"):
            Daemon(board, function)
