"""Deposits whose rules run without the lock give the same results as under it, whatever others do meanwhile.

A failpoint between the two messages makes each race certain.
"""

from __future__ import annotations

import copy
import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any, NamedTuple

import psycopg
import pytest

from blackboard import Blackboard, Exponential, Linear, ManualClock, Mark, Never, Step, agent, count, strength, total
from blackboard.errors import Conflict, UniqueConflict
from blackboard.store.postgresql.optimistic_transactions import optimistic_transaction
from blackboard.store.postgresql.optimistic_transactions.commit_validation import UNLOCKED_WRITES
from blackboard.store.statements import CROSSINGS, MARKS
from blackboard.store.transaction import CommitState, LockRequired
from blackboard.system import failpoints
from tests.postgresql.optimistic_boards import WAYS, be_optimistic, deposit_by, failures, optimistic_commits
from tests.postgresql.postgresql_sessions import PostgresqlSessions
from tests.support.cutting_proxy import Cut, CuttingProxy
from tests.support.storage import Storage

pytestmark = pytest.mark.postgresql(only=True)

BETWEEN = "optimistic.decided"


class Lead(Mark, kind="lead", on_repeat="add", decay=Exponential("1w")):
    """A kind of which a subject has one mark."""

    detail: str = ""


class Fact(Mark, kind="fact", on_repeat="add", decay=Never()):
    """A kind that stays."""


class Ramp(Mark, kind="ramp", on_repeat="replace", decay=Linear("90d")):
    """A kind that fades evenly."""


class Beacon(Mark, kind="beacon", on_repeat="max", decay=Step("90d")):
    """A kind that ends."""


class Ash(Mark, kind="ash", on_repeat="separate", decay=Exponential("1h")):
    """A kind of which each deposit is a mark."""


class Page(Mark, kind="page", unique="url"):
    """A kind with a unique value."""

    url: str


KINDS: list[type[Mark]] = [Lead, Fact, Ramp, Beacon, Ash, Page]


@agent(
    watches={
        "hot": strength("lead") >= 5,
        "deep": total("lead") >= 6,
        "often": count("fact") >= 2,
        "leads": total("lead", over="board") >= 20,
        "facts": total("fact", over="board") >= 1000,
        "ramps": total("ramp", over="board") >= 1000,
        "ash": count("ash", over="board") >= 1000,
    }
)
def desk(marks: Any, context: Any) -> None:
    """Watch subjects and the board."""


@pytest.fixture(params=["asked", "remembered"])
def boards(board_url: str, sessions: PostgresqlSessions, request: pytest.FixtureRequest) -> Iterator[list[Blackboard]]:
    """Return boards that act as two processes, on which sums are kept, and which run rules without the lock."""
    with ExitStack() as stack:
        found = [
            stack.enter_context(Blackboard.open(board_url, author=f"person:p{number}", kinds=KINDS))
            for number in range(2)
        ]
        found[0].deploy(desk, kinds=KINDS)
        for number, board in enumerate(found):
            for kind in (Lead, Fact, Ramp, Beacon, Ash):
                board.deposit(kind(subject=f"first/{number}"), intensity=0.1)
            deposit_by(board, request.param)
        yield found


@pytest.fixture
def other_urls(storage: Storage, tmp_path: Path) -> Iterator[list[str]]:
    """Return the URLs of two more boards."""
    urls = [storage.reserve(tmp_path / f"{name}.db") for name in ("asked", "remembered")]
    yield urls
    for url in urls:
        storage.remove(url)


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return whether each optimistic transaction was committed, in their order."""
    found: list[bool] = []
    commit = optimistic_transaction.OptimisticTransaction.commit_if_unchanged

    def noted(transaction: Any, record: Any) -> None:
        commit(transaction, record)
        found.append(transaction.commit_state is CommitState.COMMITTED)

    monkeypatch.setattr(optimistic_transaction.OptimisticTransaction, "commit_if_unchanged", noted)
    return found


@pytest.fixture
def between() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Return a function that lets something happen once, between the two messages of the next deposit."""
    acts: list[Callable[[], object]] = []

    def reached(name: str) -> None:
        if name == BETWEEN and acts:
            acts.pop()()

    with failpoints.observe(reached):
        yield acts.append
    assert acts == [], "the deposit was made under the lock"


def events(board: Blackboard) -> list[dict[str, Any]]:
    """Return the events of a board in their order, after checking that ids are dense and times never go back."""
    found: list[Any] = board.query("SELECT * FROM event ORDER BY id")
    rows = [dict(row) for row in found]
    assert [row["id"] for row in rows] == [*range(1, len(rows) + 1)]
    instants = [row["recorded_at"] for row in rows]
    assert instants == sorted(instants)
    return rows


def sums(board: Blackboard) -> dict[tuple[int, str], tuple[int, float]]:
    """Return the number and the total of each kept sum, which are those of the live marks."""
    rows: list[Any] = board.query("SELECT watch_id, kind, marks, sum0 FROM watch_total WHERE watch_id > 0")
    return {(row["watch_id"], row["kind"]): (row["marks"], row["sum0"]) for row in rows}


@pytest.mark.parametrize("kind", [Lead, Fact, Ramp, Ash, Beacon])
def test_a_deposit_of_another_process_between_the_messages_moves_the_ids(
    boards: list[Blackboard], outcomes: list[bool], between: Any, kind: type[Mark]
) -> None:
    first, second = boards
    receipts = []
    between(lambda: receipts.append(second.deposit(kind(subject="second"), intensity=2)))
    receipts.append(first.deposit(kind(subject="first"), intensity=3))
    assert outcomes == [True, True]
    rows = events(first)[-2:]
    assert [row["subject"] for row in rows] == ["second", "first"]
    assert [receipt.event_id for receipt in receipts] == [row["id"] for row in rows]
    assert [receipt.mark_id for receipt in receipts] == [row["mark_id"] for row in rows]
    assert rows[1]["occurred_at"] <= rows[0]["recorded_at"] <= rows[1]["recorded_at"]
    marks = {mark.subject: mark for mark in first.marks(kind)}
    assert [marks["second"].id, marks["first"].id] == [receipt.mark_id for receipt in receipts]
    assert marks["first"].strength == pytest.approx(3, rel=1e-3)
    assert marks["second"].strength == pytest.approx(2, rel=1e-3)
    for (_, name), (number, value) in sums(first).items():
        live = [mark.strength for mark in first.marks(name)]
        assert number == len(live)
        assert name == "ash" or value == pytest.approx(sum(live), rel=1e-3)


def test_a_process_remembers_its_own_event_as_the_last_one(boards: list[Blackboard], outcomes: list[bool]) -> None:
    board, _ = boards
    be_optimistic(board, asks=False)
    process_cache = optimistic_commits(board).writer.process_cache
    for subject in ("first", "second", "third"):
        receipt = board.deposit(Lead(subject=subject))
        assert process_cache.start is not None
        assert process_cache.start.last_event_id == receipt.event_id
    assert outcomes[-1]


def test_a_reinforcement_between_the_messages_lets_the_rules_run_again(
    boards: list[Blackboard], outcomes: list[bool], between: Any
) -> None:
    first, second = boards
    between(lambda: second.deposit(Lead(subject="one", detail="b")))
    receipt = first.deposit(Lead(subject="one", detail="a"))
    assert outcomes == [True, False, True]
    assert receipt.outcome == "reinforced"
    [mark] = first.marks(Lead, subject="one")
    assert mark.strength == pytest.approx(2, rel=1e-3)
    assert mark.detail == "a"
    events(first)


def test_a_reinforcement_runs_without_the_lock_under_a_total_of_its_subject(
    boards: list[Blackboard], outcomes: list[bool]
) -> None:
    for kind in (Lead, Fact):
        assert boards[0].deposit(kind(subject="one")).outcome == "deposited"
        assert boards[1].deposit(kind(subject="one")).outcome == "reinforced"
    assert outcomes.count(True) == 4
    assert failures(boards[0]) == 0
    assert boards[0].deposit(Lead(subject="one"), intensity=4.5).crossed == ("desk",)
    assert boards[0].query("SELECT value, marks FROM crossing WHERE marks = 1")
    assert failures(boards[0]) == 1


def test_a_mark_is_not_written_twice_by_one_statement(boards: list[Blackboard]) -> None:
    """One statement has all writes, and its parts do not see the rows of each other."""
    board = boards[0]
    board.deposit(Lead(subject="one"))
    [row] = board.session.read(lambda txn: txn.marks_of_subject("lead", "one"))
    writer: Any = board.database.writer
    with board.database.group_commit.exclusive():
        transaction = writer.begin_optimistic()
        transaction.run(MARKS.update_mark, **row._asdict())
        with pytest.raises(LockRequired):
            transaction.run(MARKS.update_mark, **row._asdict())
        writer.drop()


def test_a_mark_that_came_and_went_between_the_messages_counts(
    boards: list[Blackboard], outcomes: list[bool], between: Any
) -> None:
    first, second = boards
    between(lambda: second.withdraw(second.deposit(Ramp(subject="one")).mark_id))
    first.deposit(Ramp(subject="one"))
    assert outcomes == [True, False, True]
    rows = [row for row in events(first) if row["subject"] == "one"]
    assert [row["event"] for row in rows] == ["deposited", "withdrawn", "deposited"]
    assert rows[2]["occurred_at"] >= rows[1]["recorded_at"]


def test_a_total_that_others_raise_is_crossed_under_the_lock_once(
    boards: list[Blackboard], outcomes: list[bool], between: Any
) -> None:
    first, second = boards
    between(lambda: [second.deposit(Lead(subject=f"s/{number}"), intensity=4) for number in range(4)])
    assert first.deposit(Lead(subject="last"), intensity=4.5).crossed == ("desk",)
    assert outcomes == [True] * 4 + [False]
    [crossing] = first.query("SELECT value, threshold, marks FROM crossing")
    assert crossing["value"] == pytest.approx(4 * 4 + 4.5 + 0.2, rel=1e-3)
    assert crossing["marks"] == 7


class Told(NamedTuple):
    """What processes said: the ids of their events by subject, and how they made them."""

    made: dict[str, int]
    counts: Counter[str]
    exit_codes: list[int]


def deposit_in_processes(url: str, *arguments: Sequence[str]) -> Told:
    """Let processes deposit at the same time, each with its arguments after the URL, until all have ended."""
    command = [sys.executable, "-m", "tests.postgresql.depositing_process", url]
    processes = [subprocess.Popen([*command, *each], stdin=PIPE, stdout=PIPE, text=True) for each in arguments]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = Told({}, Counter(), [])
    for process in processes:
        lines = process.communicate(timeout=300)[0].splitlines()
        for said in map(json.loads, lines):
            told.made.update(said.get("made", {}))
            told.counts.update(said.get("counts", {}))
        told.exit_codes.append(process.returncode)
    return told


@pytest.mark.processes
def test_a_total_that_many_processes_raise_is_crossed_at_the_deposit_that_reaches_it(board_url: str) -> None:
    deposits, threshold = 40, 100
    with Blackboard.open(board_url, author="person:ada", kinds=KINDS) as board:

        @agent(watches=total("fact", over="board") >= threshold, name="counter")
        def counter(marks: Any, context: Any) -> None:
            """Count the facts."""

        board.deploy(counter, kinds=KINDS)
        told = deposit_in_processes(board_url, *([f"p{number}", f"{deposits}"] for number in range(4)))
        assert told.exit_codes == [0] * 4
        rows = events(board)
        assert told.made == {row["subject"]: row["id"] for row in rows}
        assert told.counts["optimistic"] > deposits
        [crossing] = board.query("SELECT value, noticed_at FROM crossing")
        assert crossing["value"] == threshold
        assert crossing["noticed_at"] == rows[threshold - 1]["recorded_at"]
        [kept] = board.query("SELECT marks, sum0 FROM watch_total")
        assert (kept["marks"], kept["sum0"]) == (len(rows), len(rows))


@pytest.mark.processes
@pytest.mark.parametrize("failpoint", [BETWEEN, "commit.after"])
def test_a_process_that_dies_loses_no_deposit_that_it_has_told_of(board_url: str, failpoint: str) -> None:
    with Blackboard.open(board_url, author="person:ada", kinds=KINDS) as board:
        board.deploy(desk, kinds=KINDS)
        told = deposit_in_processes(board_url, ["victim", "1000", failpoint], ["a", "20"], ["b", "20"])
        assert told.exit_codes == [-signal.SIGKILL, 0, 0]
        found = {row["subject"]: row["id"] for row in events(board)}
        assert told.made.items() <= found.items()
        assert len(found) - len(told.made) == (1 if failpoint == "commit.after" else 0)
        [kept] = board.query("SELECT marks, sum0 FROM watch_total WHERE kind = 'fact'")
        assert (kept["marks"], kept["sum0"]) == (len(found), len(found))


def test_a_deposit_that_would_wake_an_agent_is_made_under_the_lock(
    boards: list[Blackboard], outcomes: list[bool]
) -> None:
    assert boards[0].deposit(Lead(subject="hot"), intensity=6).crossed == ("desk",)
    assert outcomes == []
    assert failures(boards[0]) == 1


def test_a_new_deployment_between_the_messages_is_followed(
    boards: list[Blackboard], outcomes: list[bool], between: Any
) -> None:
    first, second = boards

    @agent(watches=strength("lead") >= 0.5, name="keen")
    def keen(marks: Any, context: Any) -> None:
        """Wake immediately."""

    between(lambda: second.deploy(desk, keen, kinds=KINDS))
    assert first.deposit(Lead(subject="one")).crossed == ("keen",)
    assert outcomes == [False]


def test_a_pause_between_the_messages_is_followed(boards: list[Blackboard], outcomes: list[bool], between: Any) -> None:
    first, second = boards
    between(lambda: second.pause(reason="a test"))
    first.deposit(Lead(subject="one"))
    assert outcomes[0] is False
    assert len(first.marks(Lead, subject="one")) == 1


def test_a_key_that_two_use_at_once_stands_for_the_first(
    boards: list[Blackboard], outcomes: list[bool], between: Any
) -> None:
    first, second = (board.as_author("person:same") for board in boards)
    receipts = []
    between(lambda: receipts.append(second.deposit(Lead(subject="one"), key="k")))
    receipts.append(first.deposit(Lead(subject="one"), key="k"))
    assert [receipt.outcome for receipt in receipts] == ["deposited", "duplicate"]
    assert receipts[0].event_id == receipts[1].event_id
    assert receipts[0].mark_id == receipts[1].mark_id
    again = second.deposit(Lead(subject="one"), key="k")
    assert (again.outcome, again.event_id) == ("duplicate", receipts[0].event_id)


def test_a_unique_value_that_two_use_at_once_is_of_one(boards: list[Blackboard], between: Any) -> None:
    first, second = boards
    between(lambda: second.deposit(Page(subject="b", url="x")))
    with pytest.raises(UniqueConflict):
        first.deposit(Page(subject="a", url="x"))
    assert [mark.subject for mark in first.marks(Page)] == ["b"]
    assert len([row for row in events(first) if row["kind"] == "page"]) == 1


def test_a_comparison_with_an_event_is_made_with_the_event_under_the_lock(
    boards: list[Blackboard], between: Any
) -> None:
    first, second = boards
    event = first.deposit(Lead(subject="one")).event_id
    between(lambda: second.deposit(Lead(subject="one")))
    with pytest.raises(Conflict):
        first.deposit(Lead(subject="one"), if_event=event)


def test_a_message_that_was_given_up_changes_nothing(
    boards: list[Blackboard], outcomes: list[bool], between: Any
) -> None:
    first, second = boards
    record = optimistic_commits(first).writer.record

    def give_up() -> None:
        lost = copy.copy(record)
        lost.begin_checked(lambda *statement: None)  # with the number of the message that is about to be sent
        assert not lost.find_outcome(lambda: second.database.connect(writes=True), psycopg.Error).is_committed

    between(give_up)
    receipt = first.deposit(Lead(subject="one"))
    assert outcomes == [False, False, True]  # the second message has the number by which the first was given up
    assert [row["id"] for row in events(first) if row["subject"] == "one"] == [receipt.event_id]


@pytest.mark.parametrize("search", ["pass", "before", "after"])
@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_deposit_whose_commit_is_lost_is_stored_once_and_has_its_ids(
    boards: list[Blackboard], proxy: CuttingProxy, between: Any, cut: Cut, search: Cut
) -> None:
    """The connection that searches for the outcome may also be lost."""
    with Blackboard.open(proxy.url, author="person:ada", kinds=KINDS) as board:
        board.deposit(Lead(subject="before"))
        be_optimistic(board)

        def act() -> None:
            boards[1].deposit(Lead(subject="another"))
            proxy.cuts.extend((cut, search))

        between(act)
        receipt = board.deposit(Lead(subject="one"))
        assert receipt.outcome == "deposited"
        assert not proxy.cuts
    assert [row["id"] for row in events(boards[0]) if row["subject"] == "one"] == [receipt.event_id]
    assert [mark.id for mark in boards[0].marks(Lead, subject="one")] == [receipt.mark_id]


def test_the_same_deposits_make_the_same_board_with_and_without_the_lock(
    board_url: str, other_urls: list[str], outcomes: list[bool]
) -> None:
    rng = random.Random(7)
    tables = []
    steps = [
        (
            rng.choice([Lead, Fact, Ramp, Beacon, Ash]),
            f"s/{rng.randrange(6)}",
            round(rng.uniform(0.1, 3), 3),
            rng.choice([None, None, None, f"k/{rng.randrange(20)}"]),
            rng.randrange(1, 10**9),
        )
        for _ in range(150)
    ]
    for url, way in zip((board_url, *other_urls), WAYS, strict=True):
        clock = ManualClock()
        with Blackboard.open(url, author="person:ada", kinds=KINDS, clock=clock) as board:
            board.deploy(desk, kinds=KINDS)
            receipts: list[object] = []
            for kind, subject, intensity, key, pause in steps:
                deposit_by(board, way)
                try:
                    receipts.append(board.deposit(kind(subject=subject), intensity=intensity, key=key))
                except Exception as error:
                    receipts.append(type(error).__name__)
                    clock.advance(timedelta(microseconds=pause))
            rows = {
                name: [tuple(row) for row in board.query(f"SELECT * FROM {name} ORDER BY {order}")]
                for name, order in (
                    ("event", "id"),
                    ("mark", "id"),
                    ("deposit_key", "key, kind, author"),
                    ("crossing", "id"),
                    ("absorbed", "watch_id, mark_id"),
                )
            }
            tables.append((receipts, rows, sums_now(board, clock)))
    assert sum(outcomes) > 120
    (receipts, rows, kept), *others = tables
    for other_receipts, other_rows, other_kept in others:
        assert other_receipts == receipts
        assert other_rows == rows
        assert other_kept == pytest.approx(kept, rel=1e-9)


def sums_now(board: Blackboard, clock: ManualClock) -> dict[str, float]:
    """Return the totals of the kept sums at the board's time, and their numbers."""

    def work(txn: Any) -> dict[str, float]:
        found = {}
        for watch_id in txn.active.watches:
            for row in txn.sql.all(CROSSINGS.watch_totals, watch_id=watch_id, scope=""):
                law = txn.laws.get(txn.sql, row.law)
                found[f"{watch_id}/{row.kind}/{row.law}"] = law.total((row.sum0, row.sum1), row.anchor, txn.now)
                found[f"{watch_id}/{row.kind}/{row.law}/marks"] = row.marks
                assert row.error0 < 1e-6
        return found

    return board.session.read(work)


def test_the_names_of_safe_statements_are_those_of_statements() -> None:
    known = {statement.name for file in (MARKS, CROSSINGS) for statement in file.all().values()}
    assert known >= UNLOCKED_WRITES.keys() | optimistic_transaction.UNLOCKED_READS
