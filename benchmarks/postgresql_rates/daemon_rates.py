"""Daemons: activations a second, how soon they hear of a deposit, and what they ask PostgreSQL at rest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from benchmarks.performance import boards
from benchmarks.performance.bare_sqlite import percentile
from benchmarks.performance.report import Row
from benchmarks.performance.wakes import crew, latencies
from benchmarks.postgresql_rates import processor_time
from benchmarks.postgresql_rates.deposit_rates import listed
from benchmarks.postgresql_rates.measured_server import MeasuredServer
from benchmarks.postgresql_rates.process_groups import ProcessGroup
from blackboard import Blackboard

__all__ = ["activations", "at_rest", "wakes"]

MAX_SECONDS = 300.0


def activations(
    server: MeasuredServer, daemons: int, aim: float, *, marks: int = 1000, rounds: int = 3, count: int = 2000
) -> Iterator[Row]:
    """Measure activations that deposit two marks each. All of them wait when the daemons may begin.

    The detail has the processor time of an activation, of the daemons and of their sessions on PostgreSQL.
    """
    rates, bare, client, sessions = [], [], [], []
    with server.board(marks) as url, Blackboard.open(url, author="person:bench", kinds=boards.KINDS) as board:
        boards.deploy(board, *crew())
        with (
            server.session(url) as session,
            ProcessGroup("daemon_process", url, daemons) as workers,
            ProcessGroup("bare_loop", url, 1) as committer,
        ):
            for turn in range(1, rounds + 1):
                bare.append(committer.rate(1.0))
                board.pause()
                board.deposit_many(
                    boards.Trace(subject=f"go/{number % 4}/{turn}/{number}", intensity=1 + number / count)
                    for number in range(count)
                )
                used = workers.processor_seconds(), processor_time.of_sessions(session)
                begin = session.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()[0]
                board.resume()
                rates.append(count / (_end(session, turn * count) - begin))
                client.append((workers.processor_seconds() - used[0]) / count * 1e6)
                sessions.append((processor_time.of_sessions(session) - used[1]) / count * 1e6)
    what = f"activations, {'1 daemon' if daemons == 1 else f'{daemons} daemons'}"
    detail = f"{listed(rates)}; bare commits of 1 process {listed(bare)}; processor time of one: {listed(client)} us of"
    detail += f" the daemons, {listed(sessions)} us of the server"
    yield Row(what, marks, min(rates), "a second", aim, detail=detail)


def _end(session: Any, count: int) -> float:
    """Wait until `count` activations have ended, and return when the last ended, in seconds since the epoch."""
    give_up = time.monotonic() + MAX_SECONDS
    while time.monotonic() < give_up:
        done, last = session.execute(
            "SELECT count(*), max(finished_at) / 1e6::float8 FROM activation WHERE state = 'done'"
        ).fetchone()
        if done >= count:
            return float(last)
        time.sleep(0.1)
    raise RuntimeError(f"{done} of {count} activations are done after {MAX_SECONDS:.0f} s")


def wakes(server: MeasuredServer, *, marks: int = 1000, rounds: int = 3, count: int = 200) -> Iterator[Row]:
    """Measure the time from a deposit by another process to the first line of an agent."""
    found = []
    for _ in range(rounds):
        with server.board(marks) as url:
            found.append(latencies(url, count))
    for share, aim in ((0.5, 6.0), (0.99, 30.0)):
        taken = [percentile(each, share) for each in found]
        what = f"deposit to an agent's first line, another process, p{share * 100:.0f}"
        yield Row(what, marks, max(taken), "ms", aim, "at most", detail=listed(taken))


def at_rest(server: MeasuredServer, *, marks: int = 1000, rounds: int = 3, seconds: float = 20.0) -> Iterator[Row]:
    """Count the statements of a daemon that has nothing to do."""
    rates = []
    with server.board(marks) as url, server.behind_proxy(url) as proxy:
        with Blackboard.open(url, author="person:bench", kinds=boards.KINDS) as board:
            boards.deploy(board, *crew())
        with ProcessGroup("daemon_process", proxy.url, 1):
            time.sleep(min(5.0, seconds))  # until the work of its start is done
            for _ in range(rounds):
                before, begin = proxy.statements(), time.monotonic()
                time.sleep(seconds)
                rates.append((proxy.statements() - before) / (time.monotonic() - begin))
    yield Row("statements of a daemon at rest", marks, max(rates), "a second", 3.0, "at most", detail=listed(rates))
