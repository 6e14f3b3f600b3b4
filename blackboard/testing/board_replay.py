"""The replay of timed marks on a manual clock, with the real daemon."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from blackboard.board import board_storage
from blackboard.board.facade import Blackboard
from blackboard.clock import LAST_INSTANT, Instant, ManualClock, from_datetime, instant_of, iso
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.marks.mark_model import Mark
from blackboard.daemon.loop.daemon_loop import DaemonLoop, build_loop
from blackboard.daemon.loop.loop_sleep import MAX_SLEEP_SECONDS
from blackboard.errors import UsageError
from blackboard.llm.anthropic_client import client_from
from blackboard.llm.model_client import ModelClient
from blackboard.settings.deployment_resolver import ResolvedDeployment, resolve_file
from blackboard.testing.scripted_model import ScriptedModel


def replay(
    board: Blackboard,
    agents: Mapping[str, Agent] | Iterable[Agent] | Path,
    events: Iterable[tuple[datetime, Mark]],
    *,
    until: datetime | None = None,
    model: ScriptedModel | Literal["deployed"] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Deposit marks at their times, and let a real daemon do the work that is due at each instant.

    The clock moves from instant to instant: to each event, and to each time when marks fade, windows end and retries
    are due. The clock stands still while agents run, and never passes the next event; only a `delay` of the model's
    script moves it further. Commits are not flushed to the disk, so a power cut may damage the file of the board.

    Args:
        board: A board on a `ManualClock`. Its author signs the marks.
        agents: The agents that the daemon runs; or the path of a deployment file, which is deployed first.
        events: Instants and marks, in the order of time; naive datetimes are UTC. Marks of one instant are deposited
            together. An iterator is read as time passes.
        until: The instant when the replay ends; by default the instant of the last event.
        model: The model that answers; without it, offline rules answer. `"deployed"` is the model of the deployment
            file, asked at the address and with the key that `blackboard run` would use. Such calls cost money.
        settings: The value of `context.settings`; these sections replace the sections of a deployment file.

    Raises:
        UsageError: The board is not on a `ManualClock`; an event is earlier than the event before it or than the
            board's time; or `model` is "deployed" and no deployment file is given.
        ConfigurationError: The deployment file has mistakes; all are listed.
        BlackboardError: A mark cannot be deposited.
    """
    agents = _checked_agents(agents)
    with contextlib.ExitStack() as stack:
        if isinstance(agents, Path):
            resolved = with_settings(resolve_file(agents), settings or {})
            board.deploy(resolved.deployment)
            client: ModelClient | None = (
                client_from(resolved.settings.model, os.environ) if model == "deployed" else model
            )
            if client is not None:
                stack.callback(client.close)
            daemon = build_loop(board, resolved, client)
        elif model == "deployed":
            raise UsageError('model="deployed" is the model of a deployment file; give replay() the path of the file')
        else:
            daemon = DaemonLoop(board, agents, client=model, agent_settings=settings)
        replayed = stack.enter_context(Replay(board, daemon))
        latest = board.now()
        for latest, same_instant in itertools.groupby(events, key=lambda event: event[0]):
            replayed.run_until(latest)
            board.deposit_many([mark for _, mark in same_instant])
        replayed.run_until(until or latest)


def _checked_agents(agents: Mapping[str, Agent] | Iterable[Agent] | Path) -> list[Agent] | Path:
    """Return the agents of a replay, or the file that names them.

    Raises:
        UsageError: The value is neither a list of agents nor a path.
    """
    if isinstance(agents, Path):
        return agents
    if isinstance(agents, Mapping):
        agents = agents.values()
    if isinstance(agents, Iterable) and not isinstance(agents, str):
        agents = list(agents)
        if all(isinstance(item, Agent) for item in agents):
            return agents
    raise UsageError(f"replay() takes a list of agents, or the Path of a deployment file, not {agents!r}")


def with_settings(resolved: ResolvedDeployment, sections: Mapping[str, Any]) -> ResolvedDeployment:
    """Return a deployment in which these sections of `[settings]` replace the sections of its file."""
    settings = resolved.settings.model_copy(update={"settings": {**resolved.settings.settings, **sections}})
    return dataclasses.replace(resolved, settings=settings)


class Replay:
    """A daemon on a manual clock that moves forward from instant to instant. A `with` statement starts and ends it.

    Raises:
        UsageError: The board is not on a `ManualClock`.
    """

    def __init__(self, board: Blackboard, daemon: DaemonLoop) -> None:
        if not isinstance(board.clock, ManualClock):
            raise UsageError(f"a replay needs a board on a ManualClock, not on {board.clock!r}")
        board_storage.skip_disk_flush(board)
        self._clock, self._daemon = board.clock, daemon
        self._idle_until: Instant = 0
        """The instant until which there is no work, unless `wake` of the daemon is set."""
        self._latest = from_datetime(board.now())

    def __enter__(self) -> Replay:
        """Start the daemon."""
        try:
            self._daemon.start()
        except BaseException:
            self._daemon.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the daemon."""
        self._daemon.close()

    def run_until(self, at: datetime) -> None:
        """Do all work that is due until an instant, in the order of time, and set the manual clock to it.

        The clock stands still while agents run, and never passes the instant by itself. The maintenance of files and of
        other workers is left out, because it depends on real time.

        Args:
            at: The instant; a naive datetime is UTC.

        Raises:
            UsageError: The instant is earlier than the last instant.
            StoreError: The board cannot be used.
        """
        if (until := instant_of(at)) < self._latest:
            raise UsageError(
                f"a replay only moves forward in time: {iso(until)} is before {iso(self._latest)}, the last instant"
            )
        self._latest = until
        wake = self._daemon.wake
        while self._daemon.life_cycle.is_serving:
            is_due = self._clock.now() >= self._idle_until
            if (instants := None if is_due else self._daemon.instants_if_idle()) is None:
                self._idle_until = 0
                wake.clear()
                self._daemon.do_due_work()
                if self._daemon.has_busy_threads():
                    wake.wait(MAX_SLEEP_SECONDS)  # each thread sets `wake` when it ends
                    continue
                instants = self._daemon.next_instants()
            self._idle_until = min(instants, default=LAST_INSTANT)
            next_work = min(self._idle_until, until + 1)
            has_new_work = self._clock.wait(wake, min(next_work, until))
            if next_work > until and not has_new_work:
                return
