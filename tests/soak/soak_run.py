"""A soak: two daemons and two depositors live through rounds of faults, and nothing is lost or doubled.

The daemons are those of the command line. After the faults of each round, everything must recover within a time: each
daemon answers a reload, each depositor's mark is kept, and what waited on the board is done. The first daemon and the
first depositor are not killed after the beginning; their memory must stay flat.
"""

from __future__ import annotations

import random
import select
import shutil
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blackboard.durations import SECOND
from blackboard.store.dialects.sqlite_library import sqlite
from blackboard.system import failpoints
from tests.crash import invariants
from tests.crash.invariants import Broken
from tests.soak.actors import Actor
from tests.soak.planned_deposits import check_results, is_wet
from tests.soak.process_faults import FAULTS
from tests.soak.shifted_clock import ShiftedClock
from tests.soak.small_disk import SmallDisk

__all__ = ["SoakFigures", "SoakRun"]

DAEMONS = DEPOSITORS = 2
RECOVERY_SECONDS = 60.0
"""The seconds within which everything must go on after faults, on a busy machine."""
LAST_SECONDS = 10.0
"""The seconds that are kept for the end."""
MORTAL_SHARE = 0.15
"""The share of the time in which every process may be killed. From then on, the first of each role lives."""
GROWTH_BYTES = 12 << 20
"""The bytes by which the memory of a process may grow, from its first to its last measurements."""
CLOCK_FAULTS = {"clock steps back", "clock steps forward", "clock leaps"}
UNREACHED = ("migration.", "call.", "spool.", "batch_api.", "publish.", "partition.", "optimistic.")
"""The failpoints that these daemons do not reach."""
EARLY = ("worker.", "recovery.", "checkpoint.")
BAD_WORDS = ("Traceback", "bug in blackboard")


@dataclass
class SoakFigures:
    """The counts and measurements of a run."""

    seed: int
    seconds: float = 0.0
    rounds: int = 0
    deposits: int = 0
    activations: int = 0
    kills: int = 0
    stops: int = 0
    retried: int = 0
    """Dead activations that a person tried again."""
    longest_gap: float = 0.0
    """The longest time between two acknowledged deposits."""
    longest_recovery: float = 0.0
    """The longest time from the end of faults until everything went on."""
    memory: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """The memory at the start, at the end and at its peak, in bytes, of the longest-lived process of each role."""
    faults: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    """Refused deposits by the name of the error."""
    left_out: list[str] = field(default_factory=list)
    """Faults that this machine does not allow."""

    def line(self) -> str:
        """Return the report."""
        memory = "; ".join(
            f"{name} {start >> 20} MB at the start, {end >> 20} MB at the end, {most >> 20} MB at most"
            for name, (start, end, most) in self.memory.items()
        )
        others = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()) if name != "stops")
        return (
            f"{self.seconds:.0f} s with seed {self.seed}: {self.deposits} deposits, {self.activations} activations,"
            f" {self.kills} kills, {self.stops} stops; memory: {memory}; longest gap between deposits"
            f" {self.longest_gap:.1f} s, longest recovery {self.longest_recovery:.1f} s; {self.rounds} rounds with"
            f" {others}; {self.retried} dead activations tried again, {self.refusals.total()} refused deposits repeated"
            + (f"; left out on this machine: {', '.join(self.left_out)}" if self.left_out else "")
            + "; nothing lost, nothing doubled"
        )


class SoakRun:
    """A run.

    Args:
        folder: An empty folder.
        seed: The faults and deposits follow from it.
        seconds: The length of the run.
        say: Called with each line of progress.
        faults: The names of the faults; all by default.
    """

    def __init__(
        self, folder: Path, seed: int, seconds: float, say: Callable[[str], None], faults: Collection[str] = ()
    ) -> None:
        self.folder, self.seconds, self._say = folder, seconds, say
        self.rng = random.Random(seed)
        self.figures = SoakFigures(seed)
        self.disk, self.clock = SmallDisk(folder / "disk"), ShiftedClock(folder)
        self.board = self.disk.folder / "board.db"
        self.file = folder / "blackboard.toml"
        self.deployment = Path(__file__).with_name("soak.toml").read_text()
        self.write_deployment(self.deployment)
        (folder / "module_that_exits.py").write_text("raise SystemExit(7)\n")
        self.kept: dict[str, tuple[int, int]] = {}
        self.done = dict.fromkeys(range(DEPOSITORS), 0)
        """How many deposits of each depositor were acknowledged."""
        self._daemons: list[Actor] = []
        self._depositors: list[Actor] = []
        self._armed: dict[int, str] = {}
        """The failpoint at which a daemon dies, by its process id."""
        self._answers: Counter[int] = Counter()
        """How often each daemon said that it had started or reloaded, and each depositor that it had deposited."""
        self._memory: dict[tuple[str, int], list[int]] = {}
        self._began = time.monotonic()
        self._last_deposit: float | None = None
        self._sampled = -1
        """The second of the last sample."""
        self._complaint: Actor | None = None
        """A process that reported a bug."""
        self._deck: list[str] = []
        self._names = sorted(faults or FAULTS)

    def run(self) -> SoakFigures:
        """Run to the end and return the figures.

        Raises:
            Broken: Something was lost or doubled, a process ended, nothing went on, or memory grew.
        """
        try:
            self._start()
            while self._elapsed() < self.seconds - LAST_SECONDS:
                self._run_round()
            self._finish()
        except Broken:
            (kept := self.folder / "broken-board").mkdir()  # the disk ends with this process
            for file in self.disk.folder.glob("board.db*"):
                if file.is_file():
                    shutil.copy(file, kept)
            raise
        finally:
            for actor in self.actors():
                actor.signal(signal.SIGKILL)
                actor.popen.wait()
                actor.close_reader()
        self.figures.seconds = self._elapsed()
        return self.figures

    # -- what faults may do

    def actors(self, role: str = "") -> list[Actor]:
        """Return the processes of a role, or all of them."""
        return [actor for actor in (*self._daemons, *self._depositors) if actor.name.startswith(role)]

    def mortals(self, role: str = "") -> list[Actor]:
        """Return the processes that may end now."""
        early = self._elapsed() < MORTAL_SHARE * self.seconds
        return [actor for actor in self.actors(role) if early or not actor.name.endswith(" 1")]

    def some(self, actors: list[Actor]) -> list[Actor]:
        """Return one of the processes, or more."""
        return self.rng.sample(actors, self.rng.choice((1, 1, 2, len(actors)))) if len(actors) > 1 else actors

    def write_deployment(self, text: str | None) -> None:
        """Write the deployment file, or remove it."""
        if text is None:
            self.file.unlink()
        else:
            self.file.write_text(text)

    def empty_log(self) -> None:
        """Cut the write-ahead log off, if nobody reads it and no other fault forbids it. The next commits need room."""
        with suppress(sqlite.Error), invariants.rows(self.board) as query:
            query("PRAGMA busy_timeout = 100")
            query("PRAGMA wal_checkpoint(TRUNCATE)")

    def reload(self) -> None:
        """Let every daemon that has started reload the deployment file."""
        for daemon in self._daemons:
            if self._answers[daemon.pid]:
                daemon.signal(signal.SIGHUP)

    # -- a round

    def _start(self) -> None:
        self._say(f"seed {self.figures.seed}, in {self.folder}")
        impossible = (set() if self.disk.is_mounted else {"full disks"}) | (
            set() if self.clock.environment else CLOCK_FAULTS
        )
        self.figures.left_out = [name for name in self._names if name in impossible]
        self._names = [name for name in self._names if name not in impossible]
        self._daemons.append(self._start_daemon(1))  # alone, as it creates the board
        self._wait("the first daemon did not start", self._all_answered)
        self._daemons += [self._start_daemon(number) for number in range(2, DAEMONS + 1)]
        self._depositors += [self._start_depositor(number) for number in range(1, DEPOSITORS + 1)]
        self._recover()

    def _run_round(self) -> None:
        self.figures.rounds += 1
        chosen = {self._deal() for _ in range(self.rng.choice((1, 2, 2, 3)))}
        said = []
        with ExitStack() as stack:
            for name in sorted(chosen, key=lambda name: self.rng.random()):
                said.append(stack.enter_context(FAULTS[name](self)))
                self.figures.faults[name] += 1
                self._pump(self.rng.uniform(0.0, 0.5))
            self._pump(self.rng.uniform(0.5, 4.0))
        seconds = self._recover()
        self._say(
            f"{self._elapsed():4.0f} s, round {self.figures.rounds}: {', '.join(said)}; recovered in {seconds:.1f} s;"
            f" {len(self.kept)} deposits, {self.figures.activations} activations,"
            f" {self._daemons[0].resident_memory() >> 20} MB"
        )

    def _deal(self) -> str:
        """Return the name of the next fault. Each comes once before any comes again."""
        if not self._deck:
            self._deck = self.rng.sample(self._names, len(self._names))
        return self._deck.pop()

    def _recover(self) -> float:
        """Start what has ended, wait until everything goes on, and check the board; return the seconds it took."""
        began = time.monotonic()
        if self._complaint is not None:
            raise Broken(self._with_output(f"{self._complaint.name} reports a bug", [self._complaint]))
        self._wait(
            "a process that was asked to end goes on", lambda: not any(a.asked and a.alive for a in self.actors())
        )
        self._start_again()
        self._wait("a daemon did not start", self._all_answered)
        before, kept = dict(self._answers), dict(self.done)
        self.reload()
        self._wait(
            "a daemon does not answer",
            lambda: self._all_answered() and all(self._answers[d.pid] > before.get(d.pid, 0) for d in self._daemons),
        )
        self._wait("a depositor does not go on", lambda: all(self.done[who] > kept[who] for who in kept))
        self._retry_dead_activations()
        invariants.clear_deaths(self.board)  # no mark is to blame for the kills
        [[newest]] = self._query("SELECT max(id) FROM crossing")
        self._wait("crossings wait and are not claimed", lambda: not self._waiting(newest), every=0.3)
        invariants.check(self.board, self.kept)
        [[self.figures.activations]] = self._query("SELECT count(*) FROM activation WHERE state = 'done'")
        seconds = time.monotonic() - began
        self.figures.longest_recovery = max(self.figures.longest_recovery, seconds)
        return seconds

    def _waiting(self, newest: int | None) -> Any:
        return self._query("SELECT id FROM crossing WHERE state = 'waiting' AND id <= ? LIMIT 1", newest or 0)

    def _retry_dead_activations(self) -> int:
        """Try dead activations again, as a person does, but not those of wet sparks; return their number."""
        found = self._query(
            """SELECT a.id, json_extract(e.payload, '$.n'), e.kind FROM activation a
            JOIN activation_input i ON i.activation_id = a.id JOIN event e ON e.id = i.event_id
            WHERE a.state IN ('dead', 'quarantined') AND i.role = 'absorbed'"""
        )
        if dead := sorted({number for number, n, kind in found if kind != "spark" or not is_wet(n)}):
            self.figures.retried += len(dead)
            arguments = ["-m", "tests.soak.person", str(self.board), *map(str, dead)]
            person = Actor("person", self.folder / "person", arguments, self.clock.environment, self.folder / "log")
            person.asked = True
            try:
                self._wait("the person did not end", lambda: not person.alive, others=[person])
            finally:
                person.signal(signal.SIGKILL)
                person.close_reader()
        return len(dead)

    # -- the end

    def _finish(self) -> None:
        """Let depositors and daemons end, let every smoke fade, do all that is left, and check everything."""
        self._measure_memory()
        for depositor in self._depositors:
            depositor.close_input()
        if not self.clock.environment:
            self._wait("smokes do not fade", lambda: not self._smokes(), seconds=120.0, every=0.5)
        for daemon in self._daemons:
            daemon.signal(signal.SIGTERM)
        self._wait("a process does not end", lambda: not any(actor.alive for actor in self.actors()))
        if self.clock.environment:
            self.clock.set(self.clock.shift + 3600 * SECOND)
        for _ in range(3):
            self._daemons = [self._start_daemon(1, "--until-quiescent")]
            self._daemons[0].asked = True
            self._wait("the last daemon did not come to rest", lambda: not self._daemons[0].alive, seconds=120.0)
            if not self._retry_dead_activations():
                break
        self._let_smokes_fade()
        invariants.check(self.board, self.kept)
        invariants.check_finished(self.board)
        check_results(self.board, self.figures.seed, self.done)
        self.figures.deposits = len(self.kept)
        [[self.figures.activations]] = self._query("SELECT count(*) FROM activation WHERE state = 'done'")

    def _let_smokes_fade(self) -> None:
        """Run a daemon until the smokes of retried activations have evaporated: a board at rest may still have some."""
        if not self._smokes():
            return
        if self.clock.environment:
            self.clock.set(self.clock.shift + 3600 * SECOND)
        self._daemons = [self._start_daemon(1)]
        self._wait("smokes do not evaporate", lambda: not self._smokes(), seconds=120.0, every=0.5)
        self._daemons[0].signal(signal.SIGTERM)
        self._daemons[0].asked = True
        self._wait("the last daemon does not end", lambda: not self._daemons[0].alive)

    def _smokes(self) -> Any:
        return self._query("SELECT id FROM mark WHERE kind = 'smoke' LIMIT 1")

    def _measure_memory(self) -> None:
        for role in ("daemon", "depositor"):
            samples = max((s for (name, _), s in self._memory.items() if name.startswith(role)), key=len)
            part = max(1, len(samples) // 8)
            start, end = (int(statistics.median(few)) for few in (samples[part : 2 * part] or samples, samples[-part:]))
            self.figures.memory[role] = start, end, max(samples)
            if end > start + GROWTH_BYTES:
                raise Broken(f"the memory of a {role} grew from {start >> 20} to {end >> 20} MB: {samples[::part]}")

    # -- processes

    def _start_again(self) -> None:
        for index, actor in enumerate(self._daemons):
            if not actor.alive:
                actor.close_reader()
                is_first = actor.name.endswith(" 1")
                armed = None if is_first or self.rng.random() < 0.6 else self._choose_failpoint()
                self._daemons[index] = self._start_daemon(index + 1, armed=armed)
        for index, actor in enumerate(self._depositors):
            if not actor.alive:
                actor.close_reader()
                self._depositors[index] = self._start_depositor(index + 1)

    def _choose_failpoint(self) -> str:
        name = self.rng.choice([name for name in failpoints.NAMES if not name.startswith(UNREACHED)])
        return f"{name}:{1 if name.startswith(EARLY) else self.rng.randint(1, 15)}"

    def _start_daemon(self, number: int, *options: str, armed: str | None = None) -> Actor:
        environment = {**self.clock.environment, "BLACKBOARD_DATABASE__URL": f"sqlite:///{self.board}"}
        if armed is not None:
            environment[failpoints.VARIABLE] = armed
        actor = self._actor(
            f"daemon {number}", ["-m", "blackboard", "--config", str(self.file), "run", *options], environment
        )
        if armed is not None:
            self._armed[actor.pid] = armed
        return actor

    def _start_depositor(self, number: int) -> Actor:
        who = number - 1
        arguments = [str(self.board), str(self.figures.seed), str(who), str(self.done[who])]
        return self._actor(f"depositor {number}", ["-m", "tests.soak.depositor", *arguments], self.clock.environment)

    def _actor(self, name: str, arguments: list[str], environment: Any) -> Actor:
        plain = name.replace(" ", "-")
        return Actor(name, self.folder / plain, arguments, environment, self.folder / f"{plain}.log")

    def _all_answered(self) -> bool:
        """Return whether every daemon has said something; a daemon that died at its failpoint is started again."""
        self._start_again()
        return all(self._answers[daemon.pid] for daemon in self._daemons)

    # -- what happens meanwhile

    def _wait(
        self,
        trouble: str,
        enough: Callable[[], bool],
        *,
        seconds: float = RECOVERY_SECONDS,
        every: float = 0.0,
        others: list[Actor] | None = None,
    ) -> None:
        """Wait until `enough`, which is asked after every output.

        Raises:
            Broken: It takes too long.
        """
        until = time.monotonic() + seconds
        while not enough():
            if time.monotonic() > until:
                raise Broken(self._with_output(f"{trouble} within {seconds:.0f} s", self.actors("daemon")))
            self._pump(every or 0.2, once=not every, others=others or [])

    def _pump(self, seconds: float, *, once: bool = False, others: list[Actor] | None = None) -> None:
        """Read output, sample memory and look for processes that ended, for some seconds or until the first output."""
        until = time.monotonic() + seconds
        while True:
            actors = [*self.actors(), *(others or [])]
            readers = {a.reader: a for a in actors if a.reader is not None and not a.is_stalled and a.alive}
            left = max(0.0, until - time.monotonic())
            select.select(list(readers), [], [], min(left, 0.2))
            heard = False
            for actor in actors:
                heard = self._hear(actor) or heard
                self._check_end(actor)
            self._sample_memory()
            if left == 0.0 or (once and heard):
                return

    def _hear(self, actor: Actor) -> bool:
        lines = actor.read()
        for line in lines:
            if self._complaint is None and any(word in line for word in BAD_WORDS):
                self._complaint = actor  # the next lines of its output are part of the complaint
            if actor.name.startswith("depositor"):
                self._answers[actor.pid] += 1
                self._hear_depositor(int(actor.name[-1]) - 1, line)
            elif '"event": "started"' in line or '"event": "reloaded"' in line:
                self._answers[actor.pid] += 1
        return bool(lines)

    def _hear_depositor(self, who: int, line: str) -> None:
        word, *rest = line.split()
        if word == "kept":
            key, mark, event = rest
            self.kept[key] = int(mark), int(event)
            self.done[who] += 1
            now = time.monotonic()
            self.figures.longest_gap = max(self.figures.longest_gap, now - (self._last_deposit or now))
            self._last_deposit = now
        elif word == "refused":
            self.figures.refusals[rest[0]] += 1

    def _check_end(self, actor: Actor) -> None:
        """Check that a process that has ended was killed, died at its failpoint, or ended in order when asked."""
        code = actor.popen.poll()
        if code is None or (actor.killed and code in (-signal.SIGKILL, -signal.SIGABRT)) or (actor.asked and code == 0):
            return
        is_out_of_memory = code == -signal.SIGABRT and actor.lacks_memory
        if is_out_of_memory or (code == -signal.SIGKILL and self._armed.pop(actor.pid, None) is not None):
            self.figures.kills += 1
            actor.killed = True
            return
        self._hear(actor)
        raise Broken(self._with_output(f"{actor.name} ended with {code}", [actor]))

    def _sample_memory(self) -> None:
        second = int(self._elapsed())
        first = [actor for actor in (*self._daemons[:1], *self._depositors[:1]) if self._answers[actor.pid]]
        for actor in first if second != self._sampled else []:
            self._memory.setdefault((actor.name, actor.pid), []).append(actor.resident_memory())
        self._sampled = second

    def _query(self, sql: str, *values: object) -> Any:
        with invariants.rows(self.board) as query:
            return query(sql, *values)

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    @staticmethod
    def _with_output(message: str, actors: list[Actor]) -> str:
        return "\n".join(
            [message, *(f"  {actor.name}: {line}" for actor in actors for line in list(actor.lines)[-12:])]
        )
