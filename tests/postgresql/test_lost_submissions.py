"""Connections and processes that are lost while deposits of several processes share one transaction."""

from __future__ import annotations

import json
import random
import signal
import threading
from contextlib import ExitStack

import pytest

from blackboard import Blackboard
from blackboard.errors import StoreUnknown
from blackboard.store import commit_record
from blackboard.store.database_server import submission_queue
from tests.postgresql.depositing_process import Ash, believe_busy
from tests.support.bounds import BOUND_SECONDS
from tests.support.cutting_proxy import Cut, CuttingProxy
from tests.support.started_processes import started
from tests.support.threads import join_all

pytestmark = pytest.mark.postgresql(only=True)

CUTS: tuple[Cut, ...] = ("before", "after")
PASSES: tuple[Cut, ...] = ("pass",)


def subjects(board: Blackboard) -> list[str]:
    """Return the subject of each event but those of the beginning, as another process sees them."""
    rows = board.query("SELECT subject FROM event WHERE kind = 'ash' AND subject <> 'first'")
    return sorted(str(row["subject"]) for row in rows)


def open_busy(stack: ExitStack, url: str) -> Blackboard:
    """Return a board that believes that others write."""
    board = stack.enter_context(Blackboard.open(url, author="person:ada", kinds=[Ash], share_commits=True))
    for _ in range(2):
        board.deposit(Ash(subject="first"))
    believe_busy(board)
    return board


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_deposit_whose_commit_is_lost_in_its_turn_is_made_once(
    board: Blackboard, proxy: CuttingProxy, cut: Cut
) -> None:
    with ExitStack() as stack:
        mine = open_busy(stack, proxy.url)
        proxy.cuts.append(cut)
        receipt = mine.deposit(Ash(subject="a"))
        assert not proxy.cuts
        assert [mark.id for mark in board.marks(subject="a")] == [receipt.mark_id]
        assert subjects(board) == ["a"]
        mine.deposit(Ash(subject="b"))
    assert subjects(board) == ["a", "b"]


def test_deposits_of_processes_and_threads_whose_commits_are_lost_are_made_once(
    board: Blackboard, proxy: CuttingProxy
) -> None:
    errors: list[BaseException] = []
    rng = random.Random(1)
    with ExitStack() as stack:
        boards = [open_busy(stack, proxy.url) for _ in range(4)]
        start = threading.Barrier(8, timeout=BOUND_SECONDS)

        def deposit(number: int) -> None:
            start.wait(BOUND_SECONDS)
            for turn in range(12):
                if not turn % 3:
                    proxy.cuts.extend((*PASSES * rng.randrange(4), rng.choice(CUTS)))
                try:
                    boards[number % 4].deposit(Ash(subject=f"{number}/{turn:02}"))
                except BaseException as error:
                    errors.append(error)

        threads = [threading.Thread(target=deposit, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        join_all(*threads)
    assert errors == []
    assert subjects(board) == sorted(f"{number}/{turn:02}" for number in range(8) for turn in range(12))


def test_the_outcome_of_a_submission_that_cannot_be_withdrawn_is_unknown(
    board: Blackboard, proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission_queue, "ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(commit_record, "ANSWER_SECONDS", 0.0)
    with ExitStack() as stack:
        mine = open_busy(stack, proxy.url)
        proxy.cuts.append("before")
        proxy.refuses = True
        with pytest.raises(StoreUnknown, match="check the board before you repeat it"):
            mine.deposit(Ash(subject="a"))
        proxy.refuses = False
        mine.deposit(Ash(subject="b"))
    assert subjects(board) == ["b"]


@pytest.mark.processes
@pytest.mark.parametrize("failpoint", ["submission.answered", "submission.done", "commit.before", "commit.after"])
def test_a_process_that_dies_in_its_turn_takes_no_deposit_with_it(
    board: Blackboard, board_url: str, failpoint: str
) -> None:
    program = ["-m", "tests.postgresql.depositing_process", board_url]
    with ExitStack() as stack:
        victim = stack.enter_context(started([*program, "victim", "1000", failpoint]))
        others = [stack.enter_context(started([*program, f"other{number}", "30", ""])) for number in range(3)]
        processes = [victim, *others]
        for process in processes:
            process.event("ready")
        for process in processes:
            process.say()
        assert victim.ends() == -signal.SIGKILL
        assert [process.ends() for process in others] == [0] * 3
        told = [json.loads(line)[1] for process in processes for line in process.lines if '"made"' in line]
    found: dict[str, int] = {
        str(row["subject"]): int(str(row["id"]))
        for row in board.query("SELECT subject, id FROM event WHERE subject <> 'first'")
    }
    assert len(found) == len(subjects(board)), "a deposit is doubled"
    assert {made["subject"]: made["id"] for made in told}.items() <= found.items()
    assert {name for name in found if name.startswith("other")} == {
        f"other{number}/{turn}" for number in range(3) for turn in range(30)
    }
    assert sorted(found.values()) == list(range(min(found.values()), max(found.values()) + 1))
