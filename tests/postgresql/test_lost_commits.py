"""A commit whose answer is lost is neither repeated blindly nor reported as failed: its outcome is read."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from blackboard import Blackboard, Mark
from blackboard.errors import StoreUnknown
from blackboard.store import commit_record
from blackboard.store.database_server.server_commits import ServerCommits
from tests.postgresql.lost_commits import LOSSES, OPTIMISTIC_LOSSES, lose_commits
from tests.support.cutting_proxy import Cut, CuttingProxy

pytestmark = pytest.mark.postgresql(only=True)


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


@pytest.fixture
def cut_board(proxy: CuttingProxy) -> Iterator[Blackboard]:
    """Return a board behind the proxy, on which the kind is registered and the writing connection is open."""
    with Blackboard.open(proxy.url, author="person:ada", kinds=[Ash]) as board:
        board.deposit(Ash(subject="first"))
        yield board


def subjects(board: Blackboard) -> list[str]:
    """Return the subject of each event but the first, as another process sees them."""
    rows = board.query("SELECT subject FROM event WHERE kind = 'ash' AND subject <> 'first'")
    return sorted(str(row["subject"]) for row in rows)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_deposit_whose_commit_is_lost_is_stored_once(
    cut_board: Blackboard, proxy: CuttingProxy, board: Blackboard, cut: Cut
) -> None:
    proxy.cuts.append(cut)
    receipt = cut_board.deposit(Ash(subject="a"))
    assert receipt.outcome == "deposited"
    assert [mark.id for mark in board.marks(subject="a")] == [receipt.mark_id]
    assert subjects(board) == ["a"]


@pytest.mark.parametrize("is_optimistic", [False, True])
@pytest.mark.parametrize("second", ["before", "after"])
@pytest.mark.parametrize("first", ["before", "after"])
def test_the_search_for_an_outcome_may_lose_its_own_commit(
    cut_board: Blackboard, proxy: CuttingProxy, board: Blackboard, first: Cut, second: Cut, is_optimistic: bool
) -> None:
    assert isinstance(cut_board.database.commits, ServerCommits)
    cut_board.database.commits.optimistic._busy_until = 2**62 if is_optimistic else -(2**62)
    for subject in ("a", "b"):
        proxy.cuts.extend((first, second))
        receipt = cut_board.deposit(Ash(subject=subject))
        assert not proxy.cuts
        assert [(mark.id, mark.event_id) for mark in board.marks(subject=subject)] == [
            (receipt.mark_id, receipt.event_id)
        ]
    assert subjects(board) == ["a", "b"]


def test_deposits_of_threads_that_share_a_commit_are_stored_once(board: Blackboard, proxy: CuttingProxy) -> None:
    losses = lose_commits(proxy, 36, random.Random(1))
    assert set(losses) == set(LOSSES)


def test_deposits_whose_rules_run_without_the_lock_are_stored_once(board: Blackboard, proxy: CuttingProxy) -> None:
    losses = lose_commits(proxy, 24, random.Random(1), is_optimistic=True)
    assert set(losses) == set(OPTIMISTIC_LOSSES)


@pytest.mark.parametrize(("cut", "stored"), [("before", []), ("after", ["a"])])
def test_a_commit_whose_outcome_cannot_be_read_is_unknown(
    cut_board: Blackboard,
    proxy: CuttingProxy,
    board: Blackboard,
    cut: Cut,
    stored: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commit_record, "ANSWER_SECONDS", 0.0)
    proxy.cuts.append(cut)
    proxy.refuses = True
    with pytest.raises(StoreUnknown, match="check the board before you repeat it"):
        cut_board.deposit(Ash(subject="a"))
    proxy.refuses = False
    assert subjects(board) == stored
    cut_board.deposit(Ash(subject="b"))
    assert subjects(board) == [*stored, "b"]


def test_a_transaction_of_its_own_whose_answer_is_lost_stands(
    cut_board: Blackboard, proxy: CuttingProxy, board: Blackboard
) -> None:
    proxy.cuts.append("after")
    with cut_board.database.exclusive_transaction() as transaction:
        transaction.cursor.execute("UPDATE board SET paused_because = 'a test'")
    assert [row["paused_because"] for row in board.query("SELECT paused_because FROM board")] == ["a test"]


def test_a_writer_that_ends_leaves_no_row(board: Blackboard, board_url: str) -> None:
    with Blackboard.open(board_url, kinds=[Ash]) as other:
        other.deposit(Ash(subject="a"))
        assert [row["n"] for row in board.query("SELECT n FROM writer")] == [1]
    assert board.query("SELECT n FROM writer") == []


def test_rows_of_writers_that_died_go_after_a_day(board: Blackboard, board_url: str) -> None:
    with board.database.exclusive_transaction() as transaction:
        transaction.cursor.execute("INSERT INTO writer (id, n, at) VALUES ('old', 7, 1), ('new', 8, 4102444800000000)")
    with Blackboard.open(board_url, kinds=[Ash]) as other:
        other.deposit(Ash(subject="a"))
    rows = board.query("SELECT id FROM writer WHERE id IN ('old', 'new')")
    assert [row["id"] for row in rows] == ["new"]
