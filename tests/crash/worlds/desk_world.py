"""The lead desk with its offline rules, the machine's clock, and the sample leads."""

from __future__ import annotations

import csv
import importlib.resources
import json
import random
import shutil
from pathlib import Path
from typing import Any, ClassVar

from blackboard.clock import Clock, SystemClock
from blackboard.daemon import DaemonLoop
from blackboard.settings.deployment_file import load_settings
from blackboard.settings.deployment_resolver import resolve
from tests.crash.invariants import Broken, rows
from tests.crash.worlds.crash_world import CrashWorld, Deposit


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
        config = Path(__file__).parents[3] / "config" / "leads.toml"
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

    def make_daemon(self) -> DaemonLoop:
        settings = self.resolved.settings
        return DaemonLoop(self.open("daemon"), self.resolved.agents, settings.daemon, agent_settings=settings.settings)

    def check_end(self) -> None:
        with rows(self.path) as query:
            marks = [
                (number, kind, json.loads(payload))
                for number, kind, payload in query("SELECT mark_id, kind, payload FROM event WHERE event = 'deposited'")
            ]
        leads = {number: payload["message"] for number, kind, payload in marks if kind == "lead"}
        verdicts = [(number, kind, payload) for number, kind, payload in marks if kind in ("qualified", "rejected")]
        if len(leads) != sum(map(len, self.plans)):
            raise Broken(f"there are {len(leads)} leads")
        if sorted(payload["lead"] for _, _, payload in verdicts) != sorted(leads):
            raise Broken("a lead has no verdict, or two")
        evidence = [item for _, kind, payload in marks if kind == "insight" for item in payload["evidence"]]
        if sorted(evidence) != sorted(number for number, _, _ in verdicts):
            raise Broken("an outcome is in no insight's evidence, or in two")
        booked = [payload for _, kind, payload in marks if kind == "appointment"]
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
