"""The agents of the pure world in two versions of their code, whose workers take over from each other."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blackboard import agent, strength
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon import DaemonLoop
from tests.crash.invariants import Broken, rows
from tests.crash.worlds.pure_world import Ash, Flame, Pure, Spark, ashes, flames


class Versions(Pure):
    """Workers of two versions of the code take turns and overlap. Each version runs only while it is active."""

    name = "versions"
    fails = False
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

    def make_daemon(self) -> DaemonLoop:
        # The process decides, so that two workers that start together may have different code.
        agents = self.version(os.getpid() % 2)
        return DaemonLoop(self.open("daemon"), agents, rng=random.Random(1), replace=True)

    def state(self) -> list[tuple[Any, ...]]:
        """Return the state without instants: each change of the deployment is an instant of its own."""
        with rows(self.path) as query:
            return [
                *sorted(query("SELECT kind, subject, event, intensity, author, payload FROM event")),
                *sorted(
                    query(
                        """SELECT w.agent, c.scope, c.state, c.value, e.payload FROM crossing c
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
            # Changes at the instant of the claim may have come before it or after it.
            allowed = {
                codes[agents[name]["code"]]
                for agents, since, until in zip(active, starts, [*starts[1:], float("inf")], strict=True)
                if since == at or since < at < until
            }
            if number not in allowed:
                raise Broken(f"activation {activation} was run by version {number}; active was {allowed}")
