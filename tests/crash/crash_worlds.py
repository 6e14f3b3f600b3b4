"""The worlds of the crash tests, each with kinds, agents, deposits, and the expected end.

pure         agents that handle mark by mark on a clock that does not advance: after any crash, the end is the same
interrupted  the same, with depositors whose deposits are interrupted by a signal's handler
versions     the agents of pure in two versions of their code, whose workers take over from each other
actions      agents that withdraw, reinforce, and compare and set: each is applied once, or not at all
fading       a clock that continues over restarts: predicted crossings, windows, evaporation, needs that come due, and
             changes of the deployment
paid         an agent that calls a model which answers at once and counts
desk         the lead desk with its offline rules, the machine's clock, and the sample leads
"""

from __future__ import annotations

import csv
import importlib.resources
import itertools
import json
import os
import random
import shutil
import signal
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

from pydantic import BaseModel

from blackboard import (
    Blackboard,
    Daemon,
    Exponential,
    Mark,
    Overdue,
    Reinforce,
    Withdraw,
    agent,
    count,
    every,
    strength,
    strongest_of,
    total,
    watch,
)
from blackboard.agent_definition import Agent
from blackboard.board.result_types import Receipt
from blackboard.clock import Clock, Instant, ManualClock, SystemClock, UsedInstants, to_datetime
from blackboard.failpoints import NAMES
from blackboard.llm.client_protocol import BatchItem
from blackboard.llm.model_settings import ModelSettings
from blackboard.llm.reply import Reply, Usage
from blackboard.settings.deployment_resolver import resolve
from blackboard.settings.sections import DaemonSettings
from blackboard.settings.settings_file import load_settings
from tests.crash.children import Say
from tests.crash.invariants import (
    Broken,
    check_cooled,
    check_dropped,
    check_lasting,
    check_needs,
    check_tolls,
    check_windows,
    rows,
)

__all__ = ["WORLDS", "CrashWorld", "Deposit"]

MINUTE = 60_000_000

T = TypeVar("T")


class Deposit(NamedTuple):
    """A planned deposit of a depositor."""

    kind: str
    subject: str
    payload: dict[str, Any]
    intensity: float = 1.0
    occurred_at: Instant | None = None


class FrozenClock:
    """A clock that does not advance but waits for the event, with a time limit."""

    def __init__(self, now: Instant) -> None:
        self.used = UsedInstants()
        self._now = now

    def now(self) -> Instant:
        return self._now

    def monotonic(self) -> int:
        return 0

    def wait(self, event: threading.Event, until: Instant | None) -> bool:
        return event.wait(0.2)


class CrashWorld(ABC):
    """A board and its processes.

    Args:
        folder: An empty folder for its files.
        rng: Decides the deposits.
    """

    name: ClassVar[str]
    depositors = 2
    daemons: ClassVar[tuple[int, ...]] = (1, 1, 2)
    """How many daemons may run at once; each board has one of these numbers."""
    at_once = 40
    """The largest number of deposits by a depositor per life."""
    asks = False
    publishes = False
    fades = False

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng = folder, rng
        self.path = folder / "board.db"
        self.plans = self.plan()

    @classmethod
    def warm_up(cls, folder: Path) -> None:
        """Run the world once, so that children are forked from a process with all modules loaded."""
        world = cls(folder, random.Random(0))
        world.plans = [plan[:20] for plan in world.plans]
        world.run_through()

    def run_through(self) -> None:
        """Run the whole world in this process without a fault."""
        self.create()
        for number in range(self.depositors):
            self.deposit(number, 0, lambda line: None)
        self.serve(lambda line: None, to_the_end=True)

    @classmethod
    def failpoints(cls) -> tuple[str, ...]:
        """The failpoints that a daemon of this world reaches."""
        left_out = {"migration"}
        left_out |= set() if cls.asks else {"call"}
        left_out |= {"spool", "batch_api"}  # both have their own tests
        left_out |= set() if cls.publishes else {"publish"}
        left_out |= set() if cls.fades else {"evaporation", "backfill"}
        left_out |= set() if cls is Pure else {"failure"}
        return tuple(name for name in NAMES if name.split(".")[0] not in left_out)

    @abstractmethod
    def plan(self) -> list[list[Deposit]]:
        """Return the deposits of each depositor in order."""

    @abstractmethod
    def create(self) -> None:
        """Create the board and deploy."""

    @abstractmethod
    def make_daemon(self) -> Daemon:
        """Return a daemon on its own board."""

    @abstractmethod
    def clock(self) -> Clock:
        """Return the clock of a new process."""

    def tick(self) -> None:  # noqa: B027
        """Advance the time between two lives."""

    def end(self) -> None:  # noqa: B027
        """Advance the time to an instant at which all work must be done."""

    @abstractmethod
    def check_end(self) -> None:
        """Check the end of the world.

        Raises:
            Broken: The end differs from the expected end.
        """

    # -- in the children

    def open(self, author: str) -> Blackboard:
        return Blackboard.open(f"sqlite:///{self.path}", author=author, clock=self.clock())

    def deposit(self, number: int, start: int, say: Say, limit: int | None = None) -> None:
        """Deposit the planned marks from `start` on, and report each after the board has acknowledged it.

        After `most` deposits, wait for the kill.
        """
        board = self.open(f"depositor-{number}")
        end = None if limit is None else start + limit
        for index, one in enumerate(self.plans[number][start:end], start):
            receipt = board.deposit(
                one.kind,
                subject=one.subject,
                payload=one.payload,
                intensity=one.intensity,
                key=f"{number}-{index}",
                occurred_at=one.occurred_at,
            )
            say(f"kept {number}-{index} {receipt.mark_id} {receipt.event_id}")
            self.follow(board, one, receipt)
        if limit is not None:
            signal.pause()
        board.close()

    def follow(self, board: Blackboard, deposit: Deposit, receipt: Receipt) -> None:  # noqa: B027
        """Do what a depositor does after a deposit."""

    def serve(self, say: Say, *, to_the_end: bool) -> None:
        """Run a daemon until it is killed or no work remains."""
        daemon = self.make_daemon()
        daemon.worker.maintenance.checkpoint_bytes = 0
        daemon.on_event.append(lambda event, details: say(f"{event} {json.dumps(details)}"))
        report = daemon.run(until_quiescent=to_the_end)
        say(f"left {json.dumps(report.lines)}")
        daemon.board.close()


# -- pure -------------------------------------------------------------------------------------------------------------


class Spark(Mark, kind="spark", on_repeat="separate"):
    """An event from outside."""

    n: int


class Flame(Mark, kind="flame", on_repeat="separate", decay=Exponential("1h")):
    """The result of a spark."""

    n: int


class Ash(Mark, kind="ash", on_repeat="separate"):
    """The result of a flame."""

    n: int


def flames(marks: Sequence[Spark]) -> list[Flame]:
    """Return a flame for each spark; one spark in a hundred fails and must be isolated."""
    if any(mark.n % 100 == 13 for mark in marks):
        raise ValueError("wet wood")
    return [Flame(subject=mark.subject, n=2 * mark.n, intensity=round(mark.strength * 0.9, 6)) for mark in marks]


def ashes(marks: Sequence[Flame]) -> list[Ash]:
    """Return an ash for each flame that is strong enough."""
    return [Ash(subject=mark.subject, n=mark.n + 1) for mark in marks]


@agent(
    watches=strength(Spark) >= 0.3,
    writes=[Flame],
    batch=7,
    max_attempts=1,
    concurrency=2,
    cooldown_after_failures=10_000,
)
def kindler(marks: Sequence[Spark], context: Any) -> list[Flame]:
    """Return the flames."""
    return flames(marks)


@agent(watches=strength(Flame) >= 0.5, writes=[Ash], batch=3)
async def burner(marks: Sequence[Flame], context: Any) -> list[Ash]:
    """Return the ashes."""
    return ashes(marks)


class Pure(CrashWorld):
    """Two chained agents without state, and a clock that does not advance."""

    name = "pure"
    per_depositor = 400
    agents: tuple[Agent, ...] = (kindler, burner)
    NOW = ManualClock().now()

    def plan(self) -> list[list[Deposit]]:
        return [
            [
                Deposit("spark", f"s/{who}/{n // 3}", {"n": 1000 * who + n}, round(self.rng.uniform(0.1, 1.2), 3))
                for n in range(self.per_depositor)
            ]
            for who in range(self.depositors)
        ]

    def clock(self) -> Clock:
        return FrozenClock(self.NOW)

    def create(self) -> None:
        with self.open("founder") as board:
            board.deploy(*self.agents)

    def make_daemon(self) -> Daemon:
        return Daemon(self.open("daemon"), self.agents, rng=random.Random(1))

    def undisturbed(self) -> Pure:
        """Return the same world on its own board, for an undisturbed run."""
        folder = self.folder / "undisturbed"
        folder.mkdir()
        other = type(self)(folder, random.Random(0))
        other.plans = self.plans
        return other

    def state(self) -> list[tuple[Any, ...]]:
        """Return the state of the board without ids, batches and workers, which depend on the order of processes."""
        with rows(self.path) as query:
            return [
                *sorted(
                    query("SELECT kind, subject, payload, author, intensity, law, anchored_at, evaporates_at FROM mark")
                ),
                *sorted(query("SELECT recorded_at, kind, subject, event, intensity, author, payload FROM event")),
                *sorted(
                    query(
                        """SELECT w.agent, c.subject, c.state, c.value, c.crossed_at, e.payload FROM crossing c
                        JOIN watch w ON w.id = c.watch_id JOIN event e ON e.id = c.event_id"""
                    )
                ),
                *sorted(
                    query(
                        """SELECT a.agent, a.state, e.payload FROM activation a JOIN activation_input g ON
                        g.activation_id = a.id JOIN event e ON e.id = g.event_id WHERE g.role = 'absorbed'"""
                    )
                ),
                *sorted(
                    query(
                        """SELECT child.payload, parent.payload FROM event child
                        JOIN activation_input g ON g.activation_id = child.activation_id
                        JOIN event parent ON parent.id = g.event_id
                        WHERE g.role = 'absorbed' AND child.subject = parent.subject
                        AND json_extract(child.payload, '$.n') =
                            CASE child.kind WHEN 'flame' THEN 2 * json_extract(parent.payload, '$.n')
                            ELSE 1 + json_extract(parent.payload, '$.n') END"""
                    )
                ),
            ]

    def check_end(self) -> None:
        other = self.undisturbed()
        other.run_through()
        mine, theirs = Counter(self.state()), Counter(other.state())
        if mine != theirs:
            raise Broken(f"other than undisturbed: more {list(mine - theirs)[:5]}, less {list(theirs - mine)[:5]}")


# -- interrupted ------------------------------------------------------------------------------------------------------


class Interrupt(Exception):
    """The exception of a signal's handler, such as the time limit of a web worker."""


class Interrupted(Pure):
    """Depositors with two threads. The first is interrupted at random instants, and repeats its deposit by its key."""

    name = "interrupted"
    interrupts = True

    def undisturbed(self) -> Interrupted:
        """Return the same world on its own board, for an undisturbed run without interrupts."""
        other = super().undisturbed()
        assert isinstance(other, Interrupted)
        other.interrupts = False
        return other

    def deposit(self, number: int, start: int, say: Say, limit: int | None = None) -> None:
        """Deposit the planned marks from `start` on, every other one in each thread; see `CrashWorld.deposit`."""
        if not self.interrupts:
            super().deposit(number, start, say, limit)
            return
        rng = random.Random(f"{number} {start}")
        before = signal.signal(signal.SIGALRM, _interrupt)
        board = _despite_interrupts(lambda: self.open(f"depositor-{number}"), rng, say)
        end = len(self.plans[number]) if limit is None else min(start + limit, len(self.plans[number]))

        def report(index: int, receipt: Receipt) -> None:
            say(f"kept {number}-{index} {receipt.mark_id} {receipt.event_id}")

        def put(index: int) -> Receipt:
            one = self.plans[number][index]
            return board.deposit(
                one.kind, subject=one.subject, payload=one.payload, intensity=one.intensity, key=f"{number}-{index}"
            )

        def deposit_others() -> None:
            for index in range(start + 1, end, 2):
                report(index, put(index))

        other = threading.Thread(target=deposit_others)
        other.start()
        for index in range(start, end, 2):
            report(index, _despite_interrupts(partial(put, index), rng, say))
        other.join()
        if limit is not None:
            signal.pause()
        board.close()
        signal.signal(signal.SIGALRM, before)


def _interrupt(*arguments: object) -> None:
    raise Interrupt


def _despite_interrupts(work: Callable[[], T], rng: random.Random, say: Say) -> T:
    """Repeat work until it was not interrupted. It gets more time at each attempt."""
    for attempt in itertools.count(1):
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0001, 0.004 * attempt))
                return work()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupt:
            say("interrupted")
    raise AssertionError


# -- actions ----------------------------------------------------------------------------------------------------------


class Coin(Mark, kind="coin", on_repeat="separate"):
    """A mark that is withdrawn once it is counted."""

    n: int


class Purse(Mark, kind="purse", on_repeat="replace"):
    """A value that is compared and set."""

    coins: int


class Shine(Mark, kind="shine"):
    """A mark that is reinforced for each coin."""


@agent(
    watches=strength(Coin) >= 0.3,
    reads=[strongest_of(Purse, 1), strongest_of(Shine, 1)],
    writes=[Purse],
    withdraws=[Coin],
    batch=3,
    concurrency=2,
    max_attempts=100,
    retry_after="0s",
    cooldown_after_failures=10_000,
)
def teller(coins: Sequence[Coin], context: Any) -> list[Purse | Withdraw | Reinforce]:
    """Count the coins into the purse."""
    [purse], [shine] = context.read(Purse), context.read(Shine)
    full = Purse(subject="all", coins=purse.coins + len(coins)).with_options(if_event=purse.event_id)
    return [*map(Withdraw, coins), Reinforce(shine, by=len(coins)), full]


class Actions(Pure):
    """Agents that change one purse at the same time, and withdraw what they have counted."""

    name = "actions"
    per_depositor = 150
    agents: tuple[Agent, ...] = (teller,)

    def plan(self) -> list[list[Deposit]]:
        return [
            [Deposit("coin", f"c/{who}/{n}", {"n": n}) for n in range(self.per_depositor)]
            for who in range(self.depositors)
        ]

    def create(self) -> None:
        super().create()
        with self.open("founder") as board:
            board.deposit(Purse(subject="all", coins=0), key="purse")
            board.deposit(Shine(subject="all"), key="shine")

    def check_end(self) -> None:
        coins = sum(map(len, self.plans))
        with rows(self.path) as query:
            [(counted,)] = query("SELECT json_extract(payload, '$.coins') FROM mark WHERE kind = 'purse'")
            [(shine,)] = query("SELECT intensity FROM mark WHERE kind = 'shine'")
            [(live,)] = query("SELECT count(*) FROM mark WHERE kind = 'coin'")
            acts = query("SELECT event FROM event WHERE kind = 'coin' AND event <> 'deposited'")
        if (counted, shine, live) != (coins, 1 + coins, 0) or acts != [("withdrawn",)] * coins:
            raise Broken(f"of {coins} coins, {counted} are in the purse, {shine - 1} shine, {len(acts)} are withdrawn")


# -- versions ---------------------------------------------------------------------------------------------------------


class Versions(Pure):
    """Workers of two versions of the code take turns and overlap. Each version runs only while it is active."""

    name = "versions"
    per_depositor = 200
    at_once = 20
    daemons = (2,)

    def __init__(self, folder: Path, rng: random.Random) -> None:
        super().__init__(folder, rng)
        self.agents = self.version(0)

    def version(self, number: int) -> tuple[Agent, ...]:
        """Return the agents in a version that writes down which activations it runs."""

        def record(context: Any) -> None:
            handle = os.open(self.folder / "runs", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            os.write(handle, f"{context.activation_id} {context.agent} {number}\n".encode())
            os.close(handle)

        @agent(
            watches=strength(Spark) >= 0.3,
            writes=[Flame],
            version=str(number),
            batch=7,
            max_attempts=1,
            concurrency=2,
            cooldown_after_failures=10_000,
        )
        def kindler(marks: Sequence[Spark], context: Any) -> list[Flame]:
            record(context)
            return flames(marks)

        @agent(watches=strength(Flame) >= 0.5, writes=[Ash], version=str(number), batch=3)
        async def burner(marks: Sequence[Flame], context: Any) -> list[Ash]:
            record(context)
            return ashes(marks)

        return kindler, burner

    def make_daemon(self) -> Daemon:
        # The process decides, so that two workers that start together may have different code.
        agents = self.version(os.getpid() % 2)
        return Daemon(self.open("daemon"), agents, rng=random.Random(1), replace=True)

    def state(self) -> list[tuple[Any, ...]]:
        """Return the state without instants: each change of the deployment is an instant of its own."""
        with rows(self.path) as query:
            return [
                *sorted(query("SELECT kind, subject, event, intensity, author, payload FROM event")),
                *sorted(
                    query(
                        """SELECT w.agent, c.subject, c.state, c.value, e.payload FROM crossing c
                        JOIN watch w ON w.id = c.watch_id JOIN event e ON e.id = c.event_id"""
                    )
                ),
            ]

    def check_end(self) -> None:
        super().check_end()
        codes = {item.spec.code: str(number) for number in (0, 1) for item in self.version(number)}
        ran = {
            int(activation): (name, number)
            for activation, name, number in map(str.split, (self.folder / "runs").read_text().splitlines())
        }
        with rows(self.path) as query:
            deployed = query("SELECT deployed_at, content FROM deployment ORDER BY version")
            started = query("SELECT id, started_at FROM activation WHERE state = 'done'")
        starts = [at for at, _ in deployed]
        active = [json.loads(content)["agents"] for _, content in deployed]
        for activation, at in started:
            name, number = ran[activation]
            # Of changes at the instant of the claim, any may have come before it.
            allowed = {
                codes[agents[name]["code"]]
                for agents, since, until in zip(active, starts, [*starts[1:], float("inf")], strict=True)
                if since == at or since < at < until
            }
            if number not in allowed:
                raise Broken(f"activation {activation} was run by version {number}; active was {allowed}")


# -- paid -------------------------------------------------------------------------------------------------------------


class Judged(BaseModel):
    """The answer of the model."""

    numbers: list[int]


@agent(watches=strength(Spark) >= 0.3, writes=[Flame], batch=5)
def asker(marks: Sequence[Spark], context: Any) -> list[Flame]:
    """Return a flame for each spark by the answer of the model."""
    said = context.ask("Double the numbers.", [mark.n for mark in marks], Judged)
    return [Flame(subject=mark.subject, n=number) for mark, number in zip(marks, said.numbers, strict=True)]


class Ledger:
    """A model that doubles numbers. It writes each answer to a file first, as a provider charges first."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def send(self, body: str) -> Reply:
        asked = json.loads(json.loads(body)["messages"][-1]["content"])
        os.write(self._file, (json.dumps(asked) + "\n").encode())
        text = json.dumps({"numbers": [2 * n for n in asked]})
        raw = {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
        return Reply(json.dumps(raw), usage=Usage(10, 5, 0, 0))

    def submit_batch(self, items: Sequence[BatchItem]) -> str:
        raise NotImplementedError

    def find_batch(self, custom_ids: Collection[str], since: Instant) -> str | None:
        raise NotImplementedError

    def batch_results(self, batch_id: str) -> dict[str, Any] | None:
        raise NotImplementedError

    def close(self) -> None:
        return None


class Paid(Pure):
    """One agent that calls a model. A recorded answer is not requested again."""

    name = "paid"
    at_once = 20
    asks = True
    per_depositor = 200
    agents = (asker,)

    def make_daemon(self) -> Daemon:
        client = Ledger(self.folder / "ledger")
        return Daemon(self.open("daemon"), self.agents, model=ModelSettings(), client=client, rng=random.Random(1))

    def check_end(self) -> None:
        super().check_end()
        paid = len((self.folder / "ledger").read_text().splitlines())
        with rows(self.path) as query:
            [[sent, unknown]] = query(
                "SELECT count(*), sum(state = 'unknown') FROM model_call WHERE sent_at IS NOT NULL"
            )
        if not sent - (unknown or 0) <= paid <= sent:
            raise Broken(
                f"{paid} answers were paid; the board records {sent} calls, {unknown} of them with an unknown outcome"
            )


# -- fading -----------------------------------------------------------------------------------------------------------


class Smoke(Mark, kind="smoke", on_repeat="separate", decay=Exponential("2m"), floor=0.05):
    """A mark that fades."""

    n: int


class Chill(Mark, kind="chill", on_repeat="separate"):
    """A mark deposited once for each cold smoke."""

    of: int


@agent(watches=strength(Smoke) < 0.3, writes=[Chill], batch=5)
def warden(marks: Sequence[Smoke], context: Any) -> list[Chill]:
    """Return a chill for each cold smoke."""
    return [Chill(subject=mark.subject, of=mark.n) for mark in marks]


@agent(watches=watch(strength(Smoke) >= 0.3, held_for="1m", rewake_every="2m"), batch=50)
def vigil(marks: Sequence[Smoke], context: Any) -> None:
    """Take note of smoke that lasts."""


CHILLS = 40


# Each smoke has a subject of its own, so an agent that is woken for each of all of them would work for a minute.
SOME_SMOKE = total(Smoke, subject="*[05]") >= 0.3


@agent(watches=watch(SOME_SMOKE, unless=count(Chill, over="board") >= CHILLS, on_guard="drop"), per="subject")
def novice(marks: Sequence[Smoke], context: Any) -> None:
    """Take note of the smoke of one subject, as long as there are few chills."""
    assert {mark.subject for mark in marks} == {context.subject}


class Toll(Mark, kind="toll", on_repeat="separate"):
    """A mark deposited at an instant of a schedule."""

    schedule: str
    at: int
    """Microseconds since the first deployment."""


@agent(watches={"often": every("20s"), "each": watch(every("10m"), catch_up="all")}, writes=[Toll])
def ringer(marks: Sequence[Mark], context: Any) -> Toll:
    """Return a toll for the instant."""
    at = (context.scheduled_for - to_datetime(FADING_SINCE)) // timedelta(microseconds=1)
    return Toll(subject=context.watch, schedule=context.watch, at=at)


class Nudge(Mark, kind="nudge", on_repeat="separate"):
    """A mark deposited once for each need that is overdue."""

    of: int


@agent(watches=strength(Overdue) >= 0.5, writes=[Nudge], batch=5)
def reminder(marks: Sequence[Overdue], context: Any) -> list[Nudge]:
    """Return a nudge for each need that is overdue."""
    return [Nudge(subject=mark.subject, of=mark.need) for mark in marks]


FADING_SINCE = ManualClock().now()
SURGE, WITHIN = 15, 2 * MINUTE


@agent(
    watches={
        "surge": count(Smoke, over="board", within="2m") >= SURGE,
        "lull": count(Smoke, over="board", within="2m") < 1,
    }
)
def meter(marks: Sequence[Smoke], context: Any) -> None:
    """Wake when many smokes have come in two minutes, and when none has."""


class Fading(CrashWorld):
    """Each life begins half a minute after the previous life, and sometimes the half-life changes.

    Some marks occurred before the first life. So some of them have gone cold or evaporated before they are recorded.
    Depositors also ask for answers within minutes. They answer some of their needs at once, some in a later life, and
    some never.
    """

    name = "fading"
    at_once = 20
    fades = True
    per_depositor = 200
    between_needs = 10
    agents: tuple[Agent, ...] = (warden, vigil, novice, ringer, meter, reminder)

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.begin = self.now = FADING_SINCE
        super().__init__(folder, rng)
        self.half_life = 2

    def plan(self) -> list[list[Deposit]]:
        return [
            [one for n in range(self.per_depositor) for one in self._deposits(who, n)] for who in range(self.depositors)
        ]

    def _deposits(self, who: int, n: int) -> Iterator[Deposit]:
        yield Deposit(
            "smoke",
            f"s/{who}/{n}",
            {"n": 1000 * who + n},
            round(self.rng.uniform(0.5, 2.0), 3),
            self.begin - self.rng.randrange(MINUTE) if self.rng.random() < 0.25 else None,
        )
        if n % self.between_needs == 0:
            answered = self.rng.choice(("at once", "later", "never"))
            yield Deposit("need", f"n/{who}/{n}", {"question": answered, "due": f"{self.rng.randrange(180)}s"})

    def deposit(self, number: int, start: int, say: Say, limit: int | None = None) -> None:
        """Answer what an earlier life has left open, then deposit as `CrashWorld.deposit` does."""
        with self.open(f"depositor-{number}") as board:
            for need in board.inbox():
                if need.subject.startswith(f"n/{number}/") and need.question != "never":
                    board.answer(need.id, "yes")
        super().deposit(number, start, say, limit)

    def follow(self, board: Blackboard, deposit: Deposit, receipt: Receipt) -> None:
        """Answer a need that is to be answered at once, unless this life has found it open at its beginning."""
        if deposit.payload.get("question") == "at once" and receipt.outcome == "deposited":
            board.answer(receipt.mark_id, "yes")

    def clock(self) -> Clock:
        return FrozenClock(self.now)

    def tick(self) -> None:
        self.now += int(self.rng.uniform(0.1, 1.0) * MINUTE)
        if self.rng.random() < 0.3:
            self.half_life = self.rng.choice((1, 2, 3))

    def end(self) -> None:
        self.now += 1000 * MINUTE

    def create(self) -> None:
        with self.open("founder") as board:
            board.deploy(*self.agents)

    def make_daemon(self) -> Daemon:
        board = self.open("daemon")
        law = {"law": "exponential", "half_life": f"{self.half_life}m"}

        # Register only: the daemon migrates the marks batch by batch.
        deployment = board.deployment
        kinds = {**deployment.kinds, "smoke": deployment.kinds["smoke"].model_copy(update={"decay": law})}
        from blackboard.board.registration.redeployment import register

        board.session.write(
            lambda txn: register(txn, deployment.model_copy(update={"kinds": kinds})), record_instant=True
        )
        return Daemon(board, self.agents, DaemonSettings(evaporation_batch=10), rng=random.Random(1))

    def check_end(self) -> None:
        check_cooled(self.path, self.depositors * self.per_depositor)
        check_lasting(self.path, held_for=MINUTE, rewake_every=2 * MINUTE)
        check_dropped(self.path, CHILLS)
        check_tolls(self.path, "often", 20_000_000, self.now - FADING_SINCE, catches_up=False)
        check_tolls(self.path, "each", 10 * MINUTE, self.now - FADING_SINCE, catches_up=True)
        check_windows(self.path, WITHIN, SURGE)
        check_needs(self.path)


# -- the desk ---------------------------------------------------------------------------------------------------------


class Desk(CrashWorld):
    """The lead desk with its deployment file and shorter batch windows."""

    name = "desk"
    at_once = 4
    publishes = True
    SHORTER: ClassVar = {
        "BLACKBOARD_AGENTS__SALES__BATCH_WINDOW": "20ms",
        "BLACKBOARD_AGENTS__SCHEDULER__BATCH_WINDOW": "20ms",
        "BLACKBOARD_AGENTS__ANALYST__BATCH_WINDOW": "100ms",
        "BLACKBOARD_AGENTS__COORDINATOR__BATCH_WINDOW": "20ms",
        "BLACKBOARD_MODEL__PROVIDER": "offline",
    }

    def __init__(self, folder: Path, rng: random.Random) -> None:
        super().__init__(folder, rng)
        self.calendar = folder / "calendar.ics"
        environment = {
            **self.SHORTER,
            "BLACKBOARD_DATABASE__URL": f"sqlite:///{self.path}",
            "BLACKBOARD_SETTINGS__LEAD_DESK__CALENDAR": str(self.calendar),
        }
        config = Path(__file__).parents[2] / "config" / "leads.toml"
        self.resolved = resolve(load_settings(config, environment))

    def plan(self) -> list[list[Deposit]]:
        leads = [Deposit("lead", subject, payload) for subject, payload in sample_leads()]
        self.rng.shuffle(leads)
        return [leads[who :: self.depositors] for who in range(self.depositors)]

    def clock(self) -> Clock:
        return SystemClock()

    def create(self) -> None:
        shutil.copy(str(importlib.resources.files("lead_desk").joinpath("samples/calendar.ics")), self.calendar)
        with self.open("founder") as board:
            board.deploy(self.resolved.deployment)

    def make_daemon(self) -> Daemon:
        settings = self.resolved.settings
        return Daemon(self.open("daemon"), self.resolved.agents, settings.daemon, agent_settings=settings.settings)

    def check_end(self) -> None:
        with rows(self.path) as query:
            left = [
                (number, kind, json.loads(payload))
                for number, kind, payload in query("SELECT mark_id, kind, payload FROM event WHERE event = 'deposited'")
            ]
        leads = {number: payload["message"] for number, kind, payload in left if kind == "lead"}
        verdicts = [(number, kind, payload) for number, kind, payload in left if kind in ("qualified", "rejected")]
        if len(leads) != sum(map(len, self.plans)):
            raise Broken(f"there are {len(leads)} leads")
        if sorted(payload["lead"] for _, _, payload in verdicts) != sorted(leads):
            raise Broken("a lead has no verdict, or two")
        evidence = [item for _, kind, payload in left if kind == "insight" for item in payload["evidence"]]
        if sorted(evidence) != sorted(number for number, _, _ in verdicts):
            raise Broken("an outcome is in no insight's evidence, or in two")
        booked = [payload for _, kind, payload in left if kind == "appointment"]
        if len({payload["slot"] for payload in booked}) != len(booked):
            raise Broken("a slot is booked twice")
        written = self.calendar.read_text().count("@lead-desk.blackboard")
        if written != len(booked):
            raise Broken(f"the calendar has {written} of {len(booked)} appointments")
        said = sorted((leads[p["lead"]], kind, p["score"]) for _, kind, p in verdicts)
        if said != sorted(undisturbed_verdicts()):
            raise Broken("the verdicts differ from an undisturbed run")


def sample_leads() -> list[tuple[str, dict[str, Any]]]:
    """Return the sample leads of the desk: subjects and payloads."""
    text = importlib.resources.files("lead_desk").joinpath("samples/leads.csv").read_text("utf-8")
    result = []
    for row in csv.DictReader(text.splitlines(keepends=True)):
        payload = {"message" if name == "inbound_message" else name: value for name, value in row.items() if value}
        result.append((row["email"] or row["phone"], payload))
    return result


def undisturbed_verdicts() -> list[tuple[str, str, float]]:
    """Return message, verdict and score of each sample lead, judged in order by one process."""
    import tempfile

    global _verdicts
    if _verdicts is None:
        with tempfile.TemporaryDirectory() as folder:
            world = Desk(Path(folder), random.Random(0))
            world.run_through()
            with rows(world.path) as query:
                found = query(
                    """SELECT json_extract(l.payload, '$.message'), v.kind, json_extract(v.payload, '$.score')
                    FROM event v JOIN event l ON l.id = json_extract(v.payload, '$.lead')
                    WHERE v.kind IN ('qualified', 'rejected')"""
                )
        _verdicts = [tuple(row) for row in found]
    return _verdicts


_verdicts: list[Any] | None = None

WORLDS: Mapping[str, type[CrashWorld]] = {
    world.name: world for world in (Pure, Interrupted, Actions, Versions, Paid, Fading, Desk)
}
Work = Callable[[Say], None]
