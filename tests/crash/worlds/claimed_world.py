"""Shells that claim the work of a remote agent by the command line, and die before they finish it."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any
from unittest import mock

from blackboard.cli import main
from blackboard.clock import Clock, SystemClock
from blackboard.core.specs.agent_spec import AgentSettings
from blackboard.daemon import DaemonLoop
from tests.crash.children import Say
from tests.crash.invariants import Broken, rows
from tests.crash.worlds.pure_world import Ash, Flame, Pure, Spark, burner, kindler

LEASE = "1s"
THRESHOLD = 0.3
"""The strength at which a spark wakes the remote agent."""
NOTHING = 3
"""The exit code of a claim without work."""


class Claimed(Pure):
    """The first of two agents is remote: shells claim its work and finish it. A daemon runs the second at the end.

    A killed shell leaves its claim to its lease. Each spark that is strong enough must become exactly one
    flame, however many shells had it in between.
    """

    name = "claimed"
    fails = False
    per_depositor = 60
    agents = (burner,)

    @classmethod
    def failpoints(cls) -> tuple[str, ...]:
        """Those of a claim, of the end of its work, and around a commit."""
        return (
            "claim.before", "claim.within", "claim.after", "apply.before", "apply.within", "apply.after",
            "transaction.begun", "commit.before", "commit.after", "notify.before",
        )  # fmt: skip

    def clock(self) -> Clock:
        """Return the machine's clock, which a command also has."""
        return SystemClock()

    def create(self) -> None:
        with self.open("founder") as board:
            board.deploy(kindler, burner, kinds=[Spark, Flame, Ash])
            settings = AgentSettings(batch=3, concurrency=4)
            spec = kindler.spec.model_copy(update={"remote": True, "code": None, "settings": settings})
            board.deploy(board.deployment.model_copy(update={"agents": {**board.deployment.agents, "kindler": spec}}))

    def make_daemon(self) -> DaemonLoop:
        return DaemonLoop(self.open("daemon"), self.agents)

    def serve(self, say: Say, *, to_the_end: bool) -> None:
        """Work as a shell until it is killed, or until nothing is left. Then a daemon does the rest."""
        shell = f"shell-{os.getpid()}"
        # At the end, a claim waits until the leases of all dead shells are over.
        wait = "3s" if to_the_end else "200ms"
        say("started {}")
        while True:
            code, out = command(self.path, shell, "claim", "kindler", "--lease", LEASE, "--wait", wait)
            if code == NOTHING:
                if to_the_end:
                    break
                continue
            work = json.loads(out)
            flames = [
                {"kind": "flame", "subject": mark["subject"], "payload": {"n": 2 * mark["payload"]["n"]}}
                for mark in work["marks"]
            ]
            run = (str(work["id"]), "--fence", str(work["fence"]))
            command(self.path, shell, "finish", *run, stdin=json.dumps({"marks": flames}))
        super().serve(lambda line: None if line.startswith("started") else say(line), to_the_end=True)

    def check_end(self) -> None:
        expected = sorted(2 * one.payload["n"] for plan in self.plans for one in plan if one.intensity >= THRESHOLD)
        with rows(self.path) as query:
            flames = query("SELECT json_extract(payload, '$.n') FROM event WHERE kind = 'flame' ORDER BY 1")
            ashes = query("SELECT json_extract(payload, '$.n') FROM event WHERE kind = 'ash' ORDER BY 1")
        if [n for (n,) in flames] != expected:
            raise Broken(f"{len(flames)} flames came of {len(expected)} sparks")
        if [n for (n,) in ashes] != [n + 1 for n in expected]:
            raise Broken(f"{len(ashes)} ashes came of {len(expected)} flames")


def command(path: Any, author: str, *words: str, stdin: str = "") -> tuple[int, str]:
    """Run a command in this process, and return its exit code and its output.

    A lease that ended meanwhile is no failure: another shell has the work.

    Raises:
        Broken: It failed.
    """
    argv = ["blackboard", "--database", str(path), "--author", author, *words]
    out, err, given = StringIO(), StringIO(), TextIOWrapper(BytesIO(stdin.encode()))
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(sys, "stdin", given),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    is_over = re.search(r"this claim has ended|the lease of activation \d+ ended", err.getvalue()) is not None
    if code not in (0, NOTHING) and not is_over:
        raise Broken(f"{words} ended with {code}: {err.getvalue()}")
    return code, out.getvalue()
