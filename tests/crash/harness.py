"""The crash harness: daemons and depositors on a board are killed at random instants and failpoints, then restarted.

Each run of a world follows from its seed, except for the timing of the machine.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.crash import invariants
from tests.crash.children import Child, Say, watch
from tests.crash.invariants import Broken
from tests.crash.worlds import WORLDS, CrashWorld
from tests.support.bounds import BOUND_SECONDS

__all__ = ["Figures", "run"]

RECOVERY_SECONDS = 2.0
"""The processor seconds within which a daemon must recover the work of its dead predecessors.

It may wait longer, because other processes use the processors too.
"""
MAX_RECOVERY_SECONDS = 30.0
"""The seconds within which it must do so on any machine: half of a lease, whose end it does not wait for."""
KILLING_ROUNDS = 40
"""The number of killing rounds on a board before it runs undisturbed to its end."""
DEPOSITORS_REACH = ("transaction.begun", "commit.before", "commit.after", "notify.before")


@dataclass
class Figures:
    """The counts and times of a run."""

    kills: int = 0
    daemons: int = 0
    depositors: int = 0
    boards: int = 0
    acknowledged: int = 0
    activations: int = 0
    taken_up: int = 0
    interrupts: int = 0
    seconds: float = 0.0
    recoveries: list[float] = field(default_factory=list)
    """The seconds from the start of a daemon until it has recovered the work of dead daemons."""
    failpoints: Counter[str] = field(default_factory=Counter)
    """Deaths by place."""

    def add(self, other: Figures) -> None:
        """Add other figures."""
        for name, value in vars(other).items():
            if isinstance(value, list):
                getattr(self, name).extend(value)
            elif isinstance(value, Counter):
                getattr(self, name).update(value)
            else:
                setattr(self, name, getattr(self, name) + value)


class Run:
    """A board from its creation to its end."""

    def __init__(self, world: CrashWorld, rng: random.Random, reached: Counter[str], kills: int) -> None:
        self.world, self.rng, self.reached, self.kills = world, rng, reached, kills
        self.figures = Figures(boards=1)
        self.kept: dict[str, tuple[int, int]] = {}
        self.daemons: list[Child] = []
        self.depositors: dict[int, Child] = {}
        self.heard: dict[int, int] = {}
        self.serving: set[int] = set()
        """Process ids of the daemons that have started."""
        self.hearing: set[int] = set()
        """Process ids of the daemons whose client has heard something."""
        self.buried: dict[int, float] = {}
        """The instant at which each dead daemon was found dead, by its process id."""

    def run(self) -> Figures:
        """Kill and restart processes, let the board finish, and check it."""
        try:
            return self._run_rounds()
        finally:
            for child in [*self.daemons, *self.depositors.values()]:
                child.signal()

    def _run_rounds(self) -> Figures:
        self.world.create()
        limit = self.rng.choice(self.world.daemons)
        for _ in range(KILLING_ROUNDS):
            if self.figures.kills >= self.kills or self._all_done():
                break
            self._start(limit)
            self._kill()
            invariants.check(self.world.path, self.kept)
            self.world.tick()
        self._finish()
        return self.figures

    # -- a round

    def _start(self, daemons: int) -> None:
        place = self._choose_place()
        at_depositor = place is not None and place[0] in DEPOSITORS_REACH and self.rng.random() < 0.3
        for number, plan in enumerate(self.world.plans):
            done = self._done(number)
            if done < len(plan) and not self._lives(number):
                armed, place = (place, None) if at_depositor else (None, place)
                limit = self.rng.randint(1, self.world.at_once)
                self.depositors[number] = Child("depositor", self._depositing(number, done, limit), armed)
        while len(self._live_daemons()) < daemons:
            armed, place = place, None
            self.daemons.append(Child("daemon", partial(self._serve, to_the_end=False), armed))

    def _serve(self, say: Say, *, to_the_end: bool) -> None:
        """Run a daemon of the world, which says how much processor time its start took."""

        def timed(line: str) -> None:
            if line.startswith("started "):
                say(f"used {time.process_time()}")
            say(line)

        self.world.serve(timed, to_the_end=to_the_end)

    def _choose_place(self) -> tuple[str, int] | None:
        names = self.world.failpoints()
        new = [name for name in names if not self.reached[name]]
        if self.rng.random() < (0.3 if new else 0.5):
            return None
        name = self.rng.choice(new or names)
        early = bool(new) or name.startswith(("worker.", "recovery.", "checkpoint."))
        return name, self.rng.randint(1, 1 if early else 15 if name in DEPOSITORS_REACH else 4)

    def _kill(self) -> None:
        children = [*self._live_daemons(), *(depositor for depositor in self.depositors.values() if depositor.alive)]
        armed = [child for child in children if child.failpoint is not None]
        if armed:
            new = armed[0].failpoint is not None and not self.reached[armed[0].failpoint[0]]
            if armed[0].role == "daemon":  # on a busy machine, its start takes longer than all that follows
                self._watch(children, 10.0, lambda: not armed[0].alive or armed[0].pid in self.serving)
            self._watch(children, 1.0 if new else 0.3, lambda: not armed[0].alive)
        else:
            if self.rng.random() < 0.6:
                ready = self.hearing if self.world.hears else self.serving
                self._watch(children, 10.0, lambda: all(child.pid in ready for child in self._live_daemons()))
            self._watch(children, self.rng.uniform(0.001, 0.04), lambda: False)
        victims = [child for child in children if child.alive and self.rng.random() < 0.8] or children
        for child in victims:
            child.signal()
        self._watch(victims, BOUND_SECONDS, lambda: not any(child.alive for child in victims))
        self._bury()
        invariants.clear_deaths(self.world.path)

    def _bury(self) -> None:
        for child in [*self.daemons, *self.depositors.values()]:
            if child.failed:
                raise Broken("\n".join([f"a {child.role} failed", *child.lines[-40:]]))
            if child.killed:
                self.figures.kills += 1
                if child.role == "daemon":
                    self.figures.daemons += 1
                    self.buried[child.pid] = time.monotonic()
                else:
                    self.figures.depositors += 1
                if child.failpoint is not None:
                    self.figures.failpoints[child.failpoint[0]] += 1
                    self.reached[child.failpoint[0]] += 1
        self.daemons = self._live_daemons()
        self.depositors = {number: child for number, child in self.depositors.items() if child.alive}

    def _finish(self) -> None:
        left = [*self._live_daemons(), *self.depositors.values()]
        for child in left:
            child.signal()
        self._watch(left, BOUND_SECONDS, lambda: not any(child.alive for child in left))
        self._bury()
        for number in range(len(self.world.plans)):
            if (done := self._done(number)) < len(self.world.plans[number]) and not self._lives(number):
                self.depositors[number] = Child("depositor", self._depositing(number, done, None))
        depositing = list(self.depositors.values())
        if self._watch(depositing, BOUND_SECONDS, lambda: False) or any(child.alive for child in depositing):
            raise Broken("a depositor did not come to its end")
        self._bury()
        self.world.end()
        last = Child("daemon", partial(self._serve, to_the_end=True))
        self.daemons.append(last)
        self._watch([last], BOUND_SECONDS, lambda: False)
        if last.alive:
            last.signal()
            raise Broken("\n".join(["the daemon did not come to rest", *last.lines[-20:]]))
        self._bury()
        invariants.check(self.world.path, self.kept)
        invariants.check_finished(self.world.path)
        planned = sum(map(len, self.world.plans))
        if len(self.kept) != planned:
            raise Broken(f"{len(self.kept)} of {planned} deposits were acknowledged")
        self.world.check_end()
        self.figures.acknowledged += planned
        with invariants.rows(self.world.path) as query:
            [[done, taken_up]] = query("SELECT sum(state = 'done'), sum(interruptions) FROM activation")
        self.figures.activations += done
        self.figures.taken_up += taken_up

    def _depositing(self, number: int, done: int, limit: int | None) -> Callable[[Say], None]:
        return lambda say: self.world.deposit(number, done, say, limit)

    # -- the output of children

    def _watch(self, children: list[Child], seconds: float, enough: object) -> bool:
        assert callable(enough)

        def received_enough() -> bool:
            for child in children:
                self._receive(child)
            return bool(enough())

        found = watch(children, seconds, received_enough)
        received_enough()
        return found

    def _receive(self, child: Child) -> None:
        start = self.heard.get(child.pid, 0)
        self.heard[child.pid] = len(child.lines)
        for line in child.lines[start:]:
            word, _, rest = line.partition(" ")
            if word == "kept":
                key, mark, event = rest.split()
                self.kept[key] = (int(mark), int(event))
            elif word == "interrupted":
                self.figures.interrupts += 1
            elif word == "hearing":
                self.hearing.add(child.pid)
            elif word == "used":
                if float(rest) > RECOVERY_SECONDS:
                    raise Broken(f"recovery took {float(rest):.2f} s of a processor")
            elif word == "started":
                seconds = time.monotonic() - child.born
                self.figures.recoveries.append(seconds)
                if seconds > MAX_RECOVERY_SECONDS:
                    raise Broken(f"recovery took {seconds:.2f} s")
                self.serving.add(child.pid)
                # A process that died during this start may have looked alive; the daemon then learns of it later.
                since = {pid for pid, at in self.buried.items() if at > child.born}
                invariants.check_recovered(self.world.path, {daemon.pid for daemon in self.daemons} | since)

    def _done(self, number: int) -> int:
        """Return the number of acknowledged deposits of a depositor."""
        return self.world.count_done(number, self.kept.keys())

    def _lives(self, number: int) -> bool:
        return number in self.depositors and self.depositors[number].alive

    def _live_daemons(self) -> list[Child]:
        return [child for child in self.daemons if child.alive]

    def _all_done(self) -> bool:
        """Return whether all marks are deposited and no work remains, so killing would prove nothing."""
        if len(self.kept) < sum(map(len, self.world.plans)):
            return False
        with invariants.rows(self.world.path) as query:
            [[waiting]] = query("SELECT count(*) FROM crossing WHERE state IN ('waiting', 'claimed')")
            [[fading]] = query("SELECT count(*) FROM mark WHERE kind = 'smoke'")
        return waiting == 0 and fading == 0 and self.rng.random() < 0.5


def run(name: str, folder: Path, seed: int, kills: int, first: int = 0) -> Figures:
    """Kill processes of a world until enough are dead.

    Raises:
        Broken: A law is violated; the message has the command that repeats the run.
    """
    figures = Figures()
    (warm := folder / f"{name}-warm").mkdir()
    WORLDS[name].warm_up(warm)
    began = time.monotonic()
    board = first
    while figures.kills < kills or not figures.failpoints.keys() >= set(WORLDS[name].failpoints()):
        if figures.kills > kills + 1000:
            raise Broken(f"never reached: {set(WORLDS[name].failpoints()) - figures.failpoints.keys()}")
        rng = random.Random(f"{seed} {name} {board}")
        place = folder / f"{name}-{board}"
        place.mkdir()
        reached = Counter(figures.failpoints)
        try:
            figures.add(Run(WORLDS[name](place, rng), rng, reached, max(KILLING_ROUNDS, kills - figures.kills)).run())
        except Broken as broken:
            again = f"python -m tests.crash --world {name} --seed {seed} --first {board}"
            raise Broken(f"{broken}\nboard: {place}\nsee it again with: {again}") from broken
        board += 1
    figures.seconds = time.monotonic() - began
    return figures
