"""A clock that continues over restarts: predicted crossings, windows, groups, evaporation, and changed deployments."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from blackboard import Blackboard, Exponential, Mark, Overdue, Step, agent, count, every, strength, total, watch
from blackboard.board.result_types.mark_results import Receipt
from blackboard.clock import Clock, ManualClock, to_datetime
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon import DaemonLoop
from blackboard.durations import MINUTE
from blackboard.settings.sections import DaemonSection
from blackboard.settings.sink_sections import SinkSection
from tests.crash.children import Say
from tests.crash.invariants import (
    check_cooled,
    check_dropped,
    check_groups,
    check_lasting,
    check_messages,
    check_needs,
    check_tolls,
    check_windows,
)
from tests.crash.worlds.crash_world import CrashWorld, Deposit, FrozenClock


class Smoke(Mark, kind="smoke", on_repeat="separate", decay=Exponential("2m"), floor=0.05, tags=["room"]):
    """A mark that fades."""

    n: int
    room: str = "attic"


class Chill(Mark, kind="chill", on_repeat="separate"):
    """A mark deposited once for each cold smoke."""

    of: int


ROOMS = ("attic", "cellar", "attic", "attic")


@agent(
    watches={room: strength(Smoke, where={"room": room}) < 0.3 for room in dict.fromkeys(ROOMS)},
    writes=[Chill],
    batch=5,
)
def warden(marks: Sequence[Smoke], context: Any) -> list[Chill]:
    """Return a chill for each cold smoke."""
    return [Chill(subject=mark.subject, of=mark.n) for mark in marks]


@agent(watches=watch(strength(Smoke) >= 0.3, held_for="1m", rewake_every="2m"), batch=50)
def vigil(marks: Sequence[Smoke], context: Any) -> None:
    """Take note of smoke that lasts."""


CHILLS = 40


# Each smoke has a subject of its own, so an agent that is woken for all of them would work for a minute.
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
        "surge": count(Smoke, over="board", where={"room": "attic"}, within="2m") >= SURGE,
        "lull": count(Smoke, over="board", where={"room": "attic"}, within="2m") < 1,
    }
)
def meter(marks: Sequence[Smoke], context: Any) -> None:
    """Wake when many smokes have come to the attic within 2 minutes, and when none has."""
    assert {mark.room for mark in marks} == {"attic"}


class Lamp(Mark, kind="lamp", on_repeat="replace", decay=Step("2m"), tags=["room"]):
    """A mark that is carried from room to room."""

    room: str


@agent(watches={"lit": count(Lamp, by="room") >= 3, "dark": count(Lamp, by="room") < 2})
def keeper(marks: Sequence[Lamp], context: Any) -> None:
    """Wake when many lamps have come to a room, and when few are left."""


class Fading(CrashWorld):
    """Each life begins half a minute after the previous life, and sometimes the half-life changes.

    Some marks occurred before the first life. So some of them have gone cold or evaporated before they are recorded.
    Depositors also ask for answers within minutes. They answer some of their needs immediately, some in a later life,
    and some never. And they carry lamps from room to room. A program is told of the needs of the first depositor.
    """

    name = "fading"
    at_once = 20
    fades = tells = True
    per_depositor = 200
    between_needs = 10
    between_lamps = 8
    agents: tuple[Agent, ...] = (warden, vigil, novice, ringer, meter, reminder, keeper)

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.begin = self.now = FADING_SINCE
        super().__init__(folder, rng)
        self.half_life = 2
        told = ("tee", "-a", str(folder / "told"))
        self.sink = SinkSection(name="told", on=("need", "overdue"), subject="n/0/*", command=told)

    def plan(self) -> list[list[Deposit]]:
        return [
            [one for n in range(self.per_depositor) for one in self._deposits(who, n)] for who in range(self.depositors)
        ]

    def _deposits(self, who: int, n: int) -> Iterator[Deposit]:
        yield Deposit(
            "smoke",
            f"s/{who}/{n}",
            {"n": 1000 * who + n, "room": ROOMS[n % len(ROOMS)]},
            round(self.rng.uniform(0.5, 2.0), 3),
            self.begin - self.rng.randrange(MINUTE) if self.rng.random() < 0.25 else None,
        )
        if n % self.between_lamps == 0:
            yield Deposit(
                "lamp", f"l/{who}/{self.rng.randrange(6)}", {"room": self.rng.choice(("hall", "loft", "yard"))}
            )
        if n % self.between_needs == 0:
            answered = self.rng.choice(("now", "later", "never"))
            yield Deposit("need", f"n/{who}/{n}", {"question": answered, "due": f"{self.rng.randrange(180)}s"})

    def deposit(self, number: int, start: int, say: Say, limit: int | None = None) -> None:
        """Answer what an earlier life has left open, then deposit as `CrashWorld.deposit` does."""
        with self.open(f"depositor-{number}") as board:
            for need in board.inbox():
                if need.subject.startswith(f"n/{number}/") and need.question != "never":
                    board.answer(need.id, "yes")
        super().deposit(number, start, say, limit)

    def act_after_deposit(self, board: Blackboard, deposit: Deposit, receipt: Receipt) -> None:
        """Answer a need that is to be answered in the life that deposits it, unless this life has found it open at its
        beginning."""
        if deposit.payload.get("question") == "now" and receipt.outcome == "deposited":
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
            board.deploy(board.deployment.model_copy(update={"sinks": {"told": self.sink.spec}}))

    def make_daemon(self) -> DaemonLoop:
        board = self.open("daemon")
        law = {"law": "exponential", "half_life": f"{self.half_life}m"}

        # Register only: the daemon migrates the marks batch by batch.
        deployment = board.deployment
        kinds = {**deployment.kinds, "smoke": deployment.kinds["smoke"].model_copy(update={"decay": law})}
        from blackboard.board.deployment_effects.deployment_activation import activate

        board.session.write(
            lambda txn: activate(txn, deployment.model_copy(update={"kinds": kinds})), record_instant=True
        )
        settings = DaemonSection(evaporation_batch=10)
        daemon = DaemonLoop(board, self.agents, settings, rng=random.Random(1))
        daemon.deliver_to([self.sink], {})
        return daemon

    def check_end(self) -> None:
        check_cooled(self.path, self.depositors * self.per_depositor)
        check_lasting(self.path, held_for=MINUTE, rewake_every=2 * MINUTE)
        check_dropped(self.path, CHILLS)
        check_tolls(self.path, "often", 20_000_000, self.now - FADING_SINCE, catches_up=False)
        check_tolls(self.path, "each", 10 * MINUTE, self.now - FADING_SINCE, catches_up=True)
        check_windows(self.path, "attic", WITHIN, SURGE)
        check_needs(self.path)
        check_messages(self.path, self.folder / "told", "n/0/%")
        check_groups(self.path, lasting=2 * MINUTE, many=3, few=2)
