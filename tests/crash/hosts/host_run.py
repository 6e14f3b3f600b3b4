"""A run of hosts that share a board on PostgreSQL: rounds of faults on one board after another.

After the faults of each round, everything must go on within a time: each depositor's next mark is stored, the work of
dead workers is taken up, every worker that runs an activation is registered again, and what waited on the board is
claimed. At the end of a board, no work is left, and each deposit has had its effects once.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import psycopg

from blackboard.system import failpoints
from tests.crash.children import Child, Say, watch
from tests.crash.hosts import host_checks, host_roles
from tests.crash.hosts.database_server import DatabaseServer, Query
from tests.crash.hosts.host_agents import create_board
from tests.crash.hosts.host_faults import FAULTS, WEIGHTS
from tests.crash.hosts.host_figures import HostFigures
from tests.crash.hosts.host_links import HostLinks
from tests.crash.hosts.host_roles import Place
from tests.crash.hosts.planned_marks import PER_DEPOSITOR, THREADS, is_keyed
from tests.crash.hosts.shared_state import SharedState
from tests.crash.invariants import UNREGISTERED, Broken

__all__ = ["BoardRun", "HostRun"]

ROUNDS = 10
"""The rounds of faults on one board."""
RECOVERY_SECONDS = 90.0
"""The seconds within which everything must go on after faults, on a busy machine."""
HOLD_SECONDS, TAKE_UP_SECONDS = 11.0, 12.0
BUSY_SECONDS = 6.0
"""What a busy machine may add to these times."""
NOTEWORTHY_SECONDS = 1.0
LOOK_SECONDS = 0.5
"""The time between two looks at the work of dead workers."""
ROLES = ("daemon", "claimer")
DEPOSITORS = 2
"""The depositors of each host, the first with keys and the second without."""
WRITER_FAILPOINTS = ("transaction.", "commit.", "notify.")
SHOWN_LINES = 4
"""The lines of a process that a report of a failure shows."""
REACHED = {
    "depositor": (*WRITER_FAILPOINTS, "optimistic."),
    "claimer": (*WRITER_FAILPOINTS, "claim.", "apply."),
    "daemon": (*WRITER_FAILPOINTS, "worker.registered", "recovery.", "claim.", "agent.", "apply.", "evaporation."),
}
"""The failpoints that processes reach, by their roles."""
ARMED_SHARE = 0.25
"""The share of processes that die at a failpoint, if they live long enough."""
BAD_WORDS = ("deadlock", "an error kept the daemon", "bug in blackboard", "Traceback")


class HostChild(Child):
    """A process of a host."""

    def __init__(
        self, host: int, number: int, role: str, work: Callable[[Say], None], failpoint: tuple[str, int] | None
    ) -> None:
        super().__init__(role, work, failpoint)
        self.host, self.number = host, number
        self.heard = 0
        """The number of lines that the run has read."""
        self.is_going = False
        """Whether it has shown that it works, since this was last asked."""
        self.is_asked = False
        """Whether it was asked to end."""
        self.worker: str | None = None
        """The name of its worker on the board, once it has started."""
        self.started_at = float("inf")
        """When this process heard that it had."""
        self.trying: dict[int, None] = {}
        """The numbers of the deposits whose outcome it has not told yet."""


@dataclass(frozen=True)
class Span:
    """A time in which a host, or everyone (None), had a fault."""

    host: int | None
    begin: float
    end: float


class BoardRun:
    """A board from its creation to its end.

    Args:
        server: The database server.
        links: The links of the hosts.
        rng: Decides the faults.
        figures: The figures, to which this board adds.
        say: Called with each line of progress.
        may_go_on: Whether another round may begin.
    """

    def __init__(
        self,
        server: DatabaseServer,
        links: HostLinks,
        rng: random.Random,
        figures: HostFigures,
        say: Callable[[str], None],
        may_go_on: Callable[[], bool],
    ) -> None:
        self.server, self.links, self.rng, self.figures = server, links, rng, figures
        self.hosts = figures.hosts
        self.state = SharedState(self.hosts)
        self.kept: dict[int, tuple[int, int]] = {}
        self.unknown: set[int] = set()
        """The numbers of deposits whose outcome nobody was told."""
        self._say, self._may_go_on = say, may_go_on
        self._url = server.create_database()
        self._children: dict[tuple[str, int], HostChild] = {}
        self._next: dict[tuple[int, int], int] = {}
        """The next index of each thread of each depositor."""
        self._troubles: list[Span] = []
        self._holds: list[Span] = []
        self._deaths: dict[str, float] = {}
        """When each worker died whose work may not have been taken up yet."""
        self._working: set[str] = set()
        """The workers that were seen to have work when they were dead."""
        self._killed = 0
        self._newest = 0
        """The newest crossing before the present round."""
        self._looked_at = 0.0
        self._last_kept: float | None = None
        self._deck: list[str] = []
        self._is_ending = False

    def run(self) -> None:
        """Let the processes of the hosts work through rounds of faults, let the board finish, and check it.

        Raises:
            Broken: A law is violated.
        """
        try:
            create_board(self._url)
            self._start_missing()
            self._recover()
            for _ in range(ROUNDS):
                if not self._may_go_on():
                    break
                self._run_round()
            self._finish()
        finally:
            for child in self._children.values():
                child.signal(signal.SIGCONT)
                child.signal()
            watch(list(self._children.values()), 10.0)
        self.server.drop_database(self._url)

    # -- what faults use

    def alive(self) -> list[HostChild]:
        """Return the processes that live."""
        return [child for child in self._children.values() if child.alive]

    def kill(self, share: float) -> int:
        """Kill a share of the processes, at least one, start them again, and return their number."""
        alive = self.alive()
        victims = [child for child in alive if self.rng.random() < share] or [self.rng.choice(alive)]
        for child in victims:
            child.signal(signal.SIGCONT)
            child.signal()
        watch(victims, 10.0)
        self.pump(0.0)
        self._clear_deaths()
        return len(victims)

    def end_sessions(self, share: float, *, listeners: bool) -> int:
        """End sessions on the database server, and return their number."""
        ended = 0
        with suppress(psycopg.OperationalError):  # it restarts
            ended = self.server.end_sessions(self._url, self.rng, share, listeners=listeners)
        self.figures.ended_sessions += ended
        return ended

    def wait_for_server(self) -> None:
        """Wait until the database server runs again, while the processes go on."""
        while self.server.is_restarting():
            self.pump(0.1)

    @contextmanager
    def trouble(self, host: int | None) -> Iterator[None]:
        """Note that a host, or every host, has a fault in this block."""
        with self._noted(self._troubles, host):
            yield

    @contextmanager
    def hold(self, host: int) -> Iterator[None]:
        """Note that a host may hold others in this block."""
        with self._noted(self._holds, host):
            yield

    @contextmanager
    def _noted(self, spans: list[Span], host: int | None) -> Iterator[None]:
        begin = time.monotonic()
        place = len(spans)
        spans.append(Span(host, begin, float("inf")))
        try:
            yield
        finally:
            spans[place] = Span(host, begin, time.monotonic())

    def pump(self, seconds: float, enough: Callable[[], bool] = lambda: False) -> bool:
        """Read the output of all processes and start those that have died, for some seconds or until `enough`."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            watch(self._children.values(), max(0.0, min(left, 0.05)))
            for child in list(self._children.values()):
                self._hear(child)
                self._bury(child)
            if time.monotonic() > self._looked_at + LOOK_SECONDS:
                self._look_for_orphans()
            if enough():
                return True
            if left <= 0:
                return False

    # -- a round

    def _run_round(self) -> None:
        self.figures.rounds += 1
        chosen = dict.fromkeys(self._deal() for _ in range(self.rng.choice((1, 1, 2, 3))))
        said = []
        with ExitStack() as stack:
            for name in chosen:
                said.append(stack.enter_context(FAULTS[name](self)))
                self.figures.faults[name] += 1
                self.pump(self.rng.uniform(0.0, 0.3))
            self.pump(self.rng.uniform(0.2, 1.0))
        seconds = self._recover()
        self._say(
            f"{'; '.join(said)}; recovered in {seconds:.1f} s: {self.figures.kills.total()} kills,"
            f" {self.figures.deposits + len(self.kept)} deposits"
        )

    def _deal(self) -> str:
        """Return the name of the next fault. In each round, each comes as often as its weight."""
        if not self._deck:
            names = [name for name in FAULTS for _ in range(WEIGHTS.get(name, 1))]
            self._deck = self.rng.sample(names, len(names))
        return self._deck.pop()

    def _choose_failpoint(self, role: str) -> tuple[str, int] | None:
        """Return the failpoint at which a process that starts now dies, and how often it reaches it; None for most."""
        if self._is_ending or self.rng.random() > ARMED_SHARE:
            return None
        names = [name for name in failpoints.NAMES if name.startswith(REACHED[role])]
        name = self.rng.choice([name for name in names if not self.figures.failpoints[name]] or names)
        is_rare = not self.figures.failpoints[name] or name.startswith(("worker.", "recovery."))
        return name, 1 if is_rare else self.rng.randint(1, 12)

    def _recover(self) -> float:
        """Wait until everything goes on and the work of the dead is taken up, and check the board."""
        began = time.monotonic()
        self.wait_for_server()
        for child in self._children.values():
            child.is_going = child.is_going and child.role == "daemon" and child.worker is not None
        self._wait("a process does not go on", lambda: all(child.is_going for child in self.alive()))
        self._clear_deaths()
        self._wait("the work of a dead worker is not taken up", lambda: not self._look_for_orphans())
        self._wait(UNREGISTERED, self._all_registered)
        waiting = f"SELECT count(*) FROM crossing WHERE state = 'waiting' AND id <= {self._newest}"
        with self.state.pause_deposits():  # stronger crossings are claimed before older ones
            self._wait("crossings wait and are not claimed", lambda: self._query(waiting) == [(0,)])
        with self._rows() as query:
            host_checks.check(query, self.kept)
            [[self._newest]] = query("SELECT coalesce(max(id), 0) FROM crossing")
        seconds = time.monotonic() - began
        self.figures.longest_recovery = max(self.figures.longest_recovery, seconds)
        return seconds

    def _look_for_orphans(self) -> bool:
        """Return whether activations run in the names of dead workers, and note how long the living ones take.

        They can take up the work from the time at which one of them runs without a fault.

        Raises:
            Broken: It takes too long.
        """
        now = self._looked_at = time.monotonic()
        since = self._healthy_since()
        with suppress(psycopg.OperationalError):
            rows = self._query("SELECT DISTINCT worker FROM activation WHERE state = 'running'")
            running = {worker for (worker,) in rows}
            for worker, died_at in list(self._deaths.items()):
                seconds = now - max(since, died_at)
                if worker in running and seconds > TAKE_UP_SECONDS + BUSY_SECONDS:
                    raise Broken(f"the work of {worker} was not taken up in {seconds:.1f} s")
                if worker in running or worker in self._working:
                    self.figures.longest_take_up = max(self.figures.longest_take_up, seconds)
                    self._working.add(worker)
                if worker not in running:
                    del self._deaths[worker]
        return bool(self._deaths)

    def _healthy_since(self) -> float:
        """Return since when a daemon has run on a host without a fault; infinity if none does."""
        last = dict.fromkeys(range(self.hosts), 0.0)
        for span in self._troubles:
            for host in last if span.host is None else (span.host,):
                last[host] = max(last[host], span.end)
        return min(
            (max(child.started_at, last[child.host]) for child in self.alive() if child.role == "daemon"),
            default=float("inf"),
        )

    # -- the end

    def _finish(self) -> None:
        self._is_ending = True
        self.wait_for_server()
        self.state.end_deposits()
        self._wait("a depositor does not end", lambda: all(child.role != "depositor" for child in self.alive()))
        self._wait("the board does not come to rest", self._rests)
        self.state.end_claims()
        self._wait("a process does not end", self._have_ended)
        self.unknown -= self.kept.keys()  # a deposit with a key was repeated
        with self._rows() as query:
            host_checks.check(query, self.kept)
            host_checks.check_end(query, self.figures.seed, self.kept, self.unknown, self._killed)
            self.figures.unknown_stored += host_checks.number_stored(query, self.unknown)
            [[done, interruptions]] = query("SELECT count(*), coalesce(sum(interruptions), 0) FROM activation")
        self.figures.deposits += len(self.kept)
        self.figures.unknown += len(self.unknown)
        self.figures.activations += done
        self.figures.interruptions += interruptions

    def _have_ended(self) -> bool:
        """Ask each daemon once to end, and return whether all processes have."""
        for child in self.alive():
            if child.worker is not None and not child.is_asked:
                child.is_asked = True
                child.signal(signal.SIGTERM)
        return not self.alive()

    def _all_registered(self) -> bool:
        with self._rows() as query:
            return host_checks.all_registered(query)

    def _rests(self) -> bool:
        self._clear_deaths()
        with self._rows() as query:
            return host_checks.rests(query)

    # -- processes

    def _start_missing(self) -> None:
        for host in range(self.hosts):
            for role in ROLES:
                self._start(role, host, host)
            for number in range(DEPOSITORS):
                self._start("depositor", host, host * DEPOSITORS + number)

    def _start(self, role: str, host: int, number: int) -> None:
        url = self.links.url(host, self._url)
        pace = self.rng.choice((0.1, 1.0, 4.0))
        place = Place(host, url, self.state, self.links.entrance(host), self.figures.seed, pace)
        work: Callable[[Say], None]
        if role == "daemon":
            work = partial(host_roles.serve, place)
        elif role == "claimer":
            work = partial(host_roles.claim, place)
        else:
            starts = [self._next.get((number, thread), 0) for thread in range(THREADS)]
            patience = self.rng.choice((None, 0.3))
            work = partial(host_roles.deposit, place, number, starts, patience=patience)
        self._children[role, number] = HostChild(host, number, role, work, self._choose_failpoint(role))

    def _bury(self, child: HostChild) -> None:
        """Note the death of a process, and start another one in its place."""
        if child.alive or self._children.get((child.role, child.number)) is not child:
            return
        if self._is_ending and child.status == 0:
            return
        if not child.killed:
            raise Broken(self._with_output(f"a {child.role} ended with {child.status}", child))
        self.figures.kills[child.role] += 1
        self._killed += 1
        if child.failpoint is not None and child.status is not None:
            self.figures.failpoints[child.failpoint[0]] += 1
        if child.worker is not None:
            self._deaths[child.worker] = time.monotonic()
        self.unknown |= child.trying.keys()
        self._start(child.role, child.host, child.number)

    # -- output

    def _hear(self, child: HostChild) -> None:
        new, child.heard = child.lines[child.heard :], len(child.lines)
        for line in new:
            word, *rest = line.split()
            if any(bad in line for bad in BAD_WORDS):
                raise Broken(self._with_output(f"a {child.role} says: {line}", child))
            if word == "started":
                child.worker, child.is_going, child.started_at = rest[0], True, time.monotonic()
            elif word == "claiming":
                child.is_going = True
            elif word == "trying":
                child.trying |= dict.fromkeys(map(int, rest))
                if not is_keyed(child.number):
                    self._advance(map(int, rest))
            elif word == "kept":
                self._note_kept(child, *map(int, rest[:3]), *map(float, rest[3:]))
            elif word == "unknown":
                self._note_unknown(child, list(map(int, rest)))
            elif word == "refused":
                self.figures.refusals[rest[0]] += 1

    def _note_unknown(self, child: HostChild, numbers: list[int]) -> None:
        self.figures.refusals["StoreUnknown"] += 1
        if not is_keyed(child.number):
            self.unknown |= set(numbers)
            for n in numbers:
                child.trying.pop(n, None)

    def _note_kept(self, child: HostChild, n: int, mark: int, event: int, began: float, ended: float) -> None:
        child.trying.pop(n, None)
        child.is_going = True
        self.kept[n] = mark, event
        self._advance([n])
        if not self._is_ending:
            if self._last_kept is not None:
                self.figures.longest_gap = max(self.figures.longest_gap, ended - self._last_kept)
            self._last_kept = max(ended, self._last_kept or ended)
        if ended - began > NOTEWORTHY_SECONDS and began > child.born + NOTEWORTHY_SECONDS:
            self._note_wait(child.host, began, ended)

    def _note_wait(self, host: int, began: float, ended: float) -> None:
        """Note how long a deposit of a host without a fault took, if another host may have held it."""

        def overlaps(span: Span) -> bool:
            return span.begin < ended and span.end > began - NOTEWORTHY_SECONDS

        if any(overlaps(span) and span.host in (None, host) for span in self._troubles):
            return
        if any(overlaps(span) and span.host != host for span in self._holds):
            self.figures.longest_hold = max(self.figures.longest_hold, ended - began)
            if ended - began > HOLD_SECONDS + BUSY_SECONDS:
                raise Broken(f"a host that is cut off held a deposit of another for {ended - began:.1f} s")

    def _advance(self, numbers: Iterator[int] | list[int]) -> None:
        for n in numbers:
            depositor, place = divmod(n, PER_DEPOSITOR)
            index, thread = divmod(place, THREADS)
            key = depositor, thread
            self._next[key] = max(self._next.get(key, 0), index + 1)

    # -- the board

    def _wait(self, trouble: str, enough: Callable[[], bool]) -> None:
        until = time.monotonic() + RECOVERY_SECONDS
        while not self._is_true(enough):
            if time.monotonic() > until:
                late = [child for child in self.alive() if not child.is_going]
                raise Broken(self._with_output(f"{trouble} within {RECOVERY_SECONDS:.0f} s", *(late or self.alive())))
            self.pump(0.1)

    @staticmethod
    def _is_true(enough: Callable[[], bool]) -> bool:
        with suppress(psycopg.OperationalError):
            return enough()
        return False

    def _clear_deaths(self) -> None:
        """Take the deaths so far from the activations: no mark is to blame for the kills of the harness."""
        with suppress(psycopg.OperationalError):
            self.server.change(self._url, "UPDATE activation SET deaths = NULL WHERE deaths > 0")

    def _rows(self) -> AbstractContextManager[Query]:
        return self.server.rows(self._url)

    def _query(self, sql: str) -> list[tuple[object, ...]]:
        with self._rows() as query:
            return query(sql)  # type: ignore[no-any-return]

    @staticmethod
    def _with_output(message: str, *children: HostChild) -> str:
        said = (f"  {child.role} {child.number}: {line}" for child in children for line in child.lines[-SHOWN_LINES:])
        return "\n".join([message, *said])


class HostRun:
    """Boards one after another, until enough processes are dead or the time is over.

    Args:
        server: The database server.
        links: The sorts of links that the hosts have, in turn from board to board.
        figures: With the seed and the number of hosts.
        kills: How many processes are to be killed.
        seconds: After how many seconds no further round begins; None without a limit.
        say: Called with each line of progress.
    """

    def __init__(
        self,
        server: DatabaseServer,
        links: Sequence[HostLinks],
        figures: HostFigures,
        kills: int,
        seconds: float | None,
        say: Callable[[str], None],
    ) -> None:
        self._server, self._links, self._figures = server, links, figures
        self._kills, self._say = kills, say
        self._began = time.monotonic()
        self._until = None if seconds is None else self._began + seconds

    def run(self) -> None:
        """Run.

        Raises:
            Broken: A law is violated.
        """
        while self._may_go_on():
            rng = random.Random(f"{self._figures.seed} {self._figures.boards}")
            links = self._links[self._figures.boards % len(self._links)]
            self._figures.boards += 1
            BoardRun(self._server, links, rng, self._figures, self._progress, self._may_go_on).run()
        self._figures.deadlocks = self._server.deadlocks()
        self._figures.seconds = time.monotonic() - self._began

    def _may_go_on(self) -> bool:
        is_late = self._until is not None and time.monotonic() > self._until
        return self._figures.kills.total() < self._kills and not is_late

    def _progress(self, text: str) -> None:
        self._say(f"{time.monotonic() - self._began:5.0f} s, board {self._figures.boards}, {text}")
