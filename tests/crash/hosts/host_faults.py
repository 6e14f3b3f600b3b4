"""The faults of hosts that share a board. Each is begun, lasts for some seconds beside others, and is taken back.

A fault is a context manager over a run. What it does follows from the random numbers of the run.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

from blackboard.durations import HOUR

if TYPE_CHECKING:
    from tests.crash.hosts.host_run import BoardRun

__all__ = ["FAULTS", "WEIGHTS", "Fault"]

Fault = Callable[["BoardRun"], AbstractContextManager[str]]
"""Does harm until the block ends; yields what it did."""

BLOWS = 10
MAX_SILENCE_SECONDS = 14.0
"""Longer than both ends of a silent connection wait."""


@contextmanager
def kill_some(run: BoardRun) -> Iterator[str]:
    """Kill some processes; they are started again immediately."""
    yield f"killed {run.kill(0.4)}"


@contextmanager
def kill_often(run: BoardRun) -> Iterator[str]:
    """Kill most processes again and again, shortly after each start."""
    killed = 0
    for _ in range(BLOWS):
        run.pump(run.rng.uniform(0.0, 0.8))
        killed += run.kill(0.8)
    yield f"killed {killed} in {BLOWS} blows"


@contextmanager
def restart_database_server(run: BoardRun) -> Iterator[str]:
    """Restart the database server without a checkpoint. All its sessions end."""
    with run.trouble(None):
        run.server.restart()
        yield "restarted the database server"
        run.wait_for_server()


@contextmanager
def cut_closed(run: BoardRun) -> Iterator[str]:
    """Reset the connections of a host, and refuse new ones for some seconds."""
    host = run.rng.randrange(run.hosts)
    with run.trouble(host):
        run.links.cut(host, "closed")
        try:
            run.pump(run.rng.uniform(0.0, 4.0))
            yield f"host {host} is cut off"
        finally:
            run.links.mend(host)


@contextmanager
def cut_silent(run: BoardRun) -> Iterator[str]:
    """Let nothing pass between a host and the database server for some seconds, and tell neither."""
    host = run.rng.randrange(run.hosts)
    seconds = run.rng.choice((0.5, 3.0, MAX_SILENCE_SECONDS))
    with run.trouble(host), run.hold(host):
        run.links.cut(host, "silent")
        try:
            run.pump(seconds)
            yield f"host {host} is silent for {seconds:g} s"
        finally:
            run.links.mend(host)


@contextmanager
def lose_answers(run: BoardRun) -> Iterator[str]:
    """Let answers of the database server be lost on the way to some hosts, with their connections, for some seconds."""
    hosts = [host for host in range(run.hosts) if run.rng.random() < 0.7 and "lossy" in run.links.cuts]
    with ExitStack() as stack:
        for host in hosts:
            stack.enter_context(run.trouble(host))
            stack.callback(run.links.mend, host)
            run.links.cut(host, "lossy")
        run.pump(run.rng.uniform(0.5, 4.0))
        yield f"answers to {len(hosts)} hosts are lost"


@contextmanager
def stop_processes(run: BoardRun) -> Iterator[str]:
    """Stop all processes of a host for some seconds, as a virtual machine is stopped."""
    host = run.rng.randrange(run.hosts)
    victims = [child for child in run.alive() if child.host == host]
    with run.trouble(host), run.hold(host):
        for child in victims:
            child.signal(signal.SIGSTOP)
        try:
            run.pump(run.rng.choice((0.5, 3.0, MAX_SILENCE_SECONDS)))
            yield f"host {host} is stopped"
        finally:
            for child in victims:
                child.signal(signal.SIGCONT)


@contextmanager
def end_listeners(run: BoardRun) -> Iterator[str]:
    """End the connections that listen, again and again."""
    ended = 0
    for _ in range(BLOWS):
        ended += run.end_sessions(1.0, listeners=True)
        run.pump(run.rng.uniform(0.05, 0.7))
    yield f"ended {ended} listeners"


@contextmanager
def end_sessions(run: BoardRun) -> Iterator[str]:
    """End some or all sessions."""
    with run.trouble(None):
        yield f"ended {run.end_sessions(run.rng.choice((0.3, 1.0)), listeners=False)} sessions"


@contextmanager
def step_clock(run: BoardRun) -> Iterator[str]:
    """Set the clock of a host an hour ahead or back, for good."""
    host, step = run.rng.randrange(run.hosts), run.rng.choice((-HOUR, HOUR))
    run.state.set_shift(host, run.state.shift(host) + step)
    yield f"the clock of host {host} is set {'ahead' if step > 0 else 'back'}"


FAULTS: Mapping[str, Fault] = {
    "kills": kill_some,
    "series of kills": kill_often,
    "database server restarts": restart_database_server,
    "closed cuts": cut_closed,
    "silent cuts": cut_silent,
    "lost answers": lose_answers,
    "stopped hosts": stop_processes,
    "ended listeners": end_listeners,
    "ended sessions": end_sessions,
    "clock steps": step_clock,
}
"""The faults by the names that the report has for them."""

WEIGHTS: Mapping[str, int] = {"series of kills": 4, "kills": 2, "lost answers": 2}
"""How often a fault comes while each other fault comes once."""
