"""The faults of the soak test. Each is begun, lasts for some seconds beside others, and is taken back.

A fault is a context manager over a run. What it does follows from the random numbers of the run.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from blackboard.durations import SECOND
from blackboard.system.files.board_files import BoardFiles
from tests.soak.shifted_clock import YEAR

if TYPE_CHECKING:
    from tests.soak.actors import Actor
    from tests.soak.soak_run import SoakRun

__all__ = ["FAULTS", "Fault"]

Fault = Callable[["SoakRun"], AbstractContextManager[str]]
"""Does harm until the block ends; yields what it did."""

MISTAKES: Mapping[str, Callable[[str], str | None]] = {
    "no TOML": lambda text: text + "x = [",
    "an unknown agent": lambda text: text + "[agents.kindlers]\nbatch = 3\n",
    "a number of 5,000 digits": lambda text: text + f"[agents.burner]\nbatch = {'9' * 5000}\n",
    "a module that exits": lambda text: text.replace("agents = [", 'agents = ["module_that_exits:agent", '),
    "a module that is missing": lambda text: text.replace("agents = [", 'agents = ["no_such_module:agent", '),
    "no file": lambda text: None,
}
"""Deployment files with a mistake, made of the right file."""


@contextmanager
def kill(run: SoakRun) -> Iterator[str]:
    """Kill some processes; they are started again when the faults are over."""
    victims = run.some(run.mortals())
    for actor in victims:
        actor.signal(signal.SIGKILL)
        run.figures.kills += 1
    yield f"killed {_names(victims)}"


@contextmanager
def end(run: SoakRun) -> Iterator[str]:
    """Ask a daemon to end."""
    daemon = run.rng.choice(run.mortals("daemon"))
    daemon.signal(signal.SIGTERM)
    yield f"asked {daemon.name} to end"


@contextmanager
def suspend(run: SoakRun) -> Iterator[str]:
    """Stop some processes, perhaps for longer than a lease."""
    victims = run.some(run.actors())
    for actor in victims:
        actor.signal(signal.SIGSTOP)
        run.figures.stops += 1
    try:
        yield f"stopped {_names(victims)}"
    finally:
        for actor in victims:
            actor.signal(signal.SIGCONT)


@contextmanager
def fill_disk(run: SoakRun) -> Iterator[str]:
    """Fill the disk of the board."""
    room = run.rng.choice((0, 0, 4096, 32 * 4096))
    run.empty_log()
    run.disk.fill(room)
    try:
        yield f"{room} bytes of room on the disk"
    finally:
        run.disk.empty()


@contextmanager
def limit_files(run: SoakRun) -> Iterator[str]:
    """Let some processes write no file beyond the present size of the board's log."""
    run.empty_log()
    log = BoardFiles(run.board).wal
    size = log.stat().st_size if log.exists() else 0
    with _limited(run, resource.RLIMIT_FSIZE, lambda actor: size) as names:
        yield f"no file over {size} bytes for {names}"


@contextmanager
def limit_descriptors(run: SoakRun) -> Iterator[str]:
    """Leave some processes none or few free descriptors."""
    spare = run.rng.randint(0, 3)
    with _limited(run, resource.RLIMIT_NOFILE, lambda actor: actor.count_descriptors() + spare) as names:
        yield f"{spare} descriptors for {names}"


@contextmanager
def limit_memory(run: SoakRun) -> Iterator[str]:
    """Leave some processes little or no memory to allocate."""
    spare = run.rng.choice((0, 1 << 16, 1 << 20, 1 << 23))
    with _limited(run, resource.RLIMIT_AS, lambda actor: actor.address_space() + spare) as names:
        yield f"{spare >> 10} KB of memory for {names}"


@contextmanager
def step_clock_back(run: SoakRun) -> Iterator[str]:
    """Set the clock back by some seconds, for good."""
    step = run.rng.randint(SECOND // 10, 10 * SECOND)
    run.clock.set(run.clock.shift - step)
    yield f"clock {step / SECOND:.1f} s back"


@contextmanager
def step_clock_forward(run: SoakRun) -> Iterator[str]:
    """Set the clock forward by up to 5 minutes, for good."""
    step = run.rng.randint(SECOND, 300 * SECOND)
    run.clock.set(run.clock.shift + step)
    yield f"clock {step / SECOND:.1f} s forward"


@contextmanager
def leap(run: SoakRun) -> Iterator[str]:
    """Let the clock be decades ahead, or behind as after a start without a battery, until it is corrected."""
    years = run.rng.choice((-30, -10, -3, 2, 10, 30))
    run.clock.set(run.clock.shift + years * YEAR)
    try:
        yield f"clock {years:+} years"
    finally:
        run.clock.set(run.clock.shift - years * YEAR)


@contextmanager
def reload(run: SoakRun) -> Iterator[str]:
    """Change the deployment file and reload it."""
    batch, half_life = run.rng.randint(1, 20), run.rng.choice((2, 4, 8))
    text = run.deployment.replace('half_life = "4s"', f'half_life = "{half_life}s"')
    run.write_deployment(f"{text}\n[agents.kindler]\nbatch = {batch}\n")
    run.reload()
    yield f"reloaded with batches of {batch} and half-lives of {half_life} s"


@contextmanager
def reload_mistake(run: SoakRun) -> Iterator[str]:
    """Reload a deployment file with a mistake, which is mended later."""
    name = run.rng.choice(sorted(MISTAKES))
    before = run.file.read_text()
    run.write_deployment(MISTAKES[name](before))
    run.reload()
    try:
        yield f"reloaded {name}"
    finally:
        run.write_deployment(before)


@contextmanager
def close_reader(run: SoakRun) -> Iterator[str]:
    """Close the log of some daemons at its other end."""
    daemons = run.some(run.actors("daemon"))
    for daemon in daemons:
        daemon.close_reader()
    try:
        yield f"nobody reads {_names(daemons)}"
    finally:
        for daemon in daemons:
            daemon.open_reader()


@contextmanager
def stall_reader(run: SoakRun) -> Iterator[str]:
    """Read no log of some daemons, so that their pipe fills."""
    daemons = run.some(run.actors("daemon"))
    for daemon in daemons:
        daemon.is_stalled = True
    try:
        yield f"the reader of {_names(daemons)} stalls"
    finally:
        for daemon in daemons:
            daemon.is_stalled = False


FAULTS: Mapping[str, Fault] = {
    "kills": kill,
    "ends": end,
    "stops": suspend,
    "full disks": fill_disk,
    "file size limits": limit_files,
    "descriptor limits": limit_descriptors,
    "memory limits": limit_memory,
    "clock steps back": step_clock_back,
    "clock steps forward": step_clock_forward,
    "clock leaps": leap,
    "reloads": reload,
    "reloads with mistakes": reload_mistake,
    "closed log readers": close_reader,
    "stalled log readers": stall_reader,
}
"""The faults by the names that the report has for them."""


@contextmanager
def _limited(run: SoakRun, what: int, value: Callable[[Actor], int]) -> Iterator[str]:
    actors = run.some(run.actors())
    for actor in actors:
        actor.limit(what, value(actor))
    try:
        yield _names(actors)
    finally:
        for actor in actors:
            actor.end_limit(what)


def _names(actors: list[Actor]) -> str:
    return " and ".join(actor.name for actor in actors)
