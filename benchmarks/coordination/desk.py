"""The desk itself: its board, its daemon, its prompts and the real SDK, with a scripted model on this machine.

Only the clock is simulated: it advances when the daemon waits, so that an hour of arriving leads takes a second, and a
model call takes no time. Activations run one at a time, so that the same leads always cause the same calls.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel, TypeAdapter

from benchmarks.coordination.leads import OPENING, ZONE, Enquiry, write_calendar
from benchmarks.coordination.outcome import Cost, Outcome, check
from blackboard import Blackboard, ManualClock
from blackboard.clock import Instant, from_datetime, to_datetime
from blackboard.daemon import DaemonLoop
from blackboard.durations import Microseconds, parse_duration
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.model_client import ModelClient
from blackboard.settings.deployment_file import load_settings
from blackboard.settings.deployment_resolver import resolve
from blackboard.testing.board_replay import Replay
from lead_desk import offline_rules
from lead_desk.prompts import load_prompt
from tests.support.messages_api import MessagesApi

__all__ = ["ONE_PER_CALL", "Arrivals", "fading", "run_desk", "scripted_answer", "trickle"]

IDS = TypeAdapter(list[int])
"""What the evidence of an insight is."""

CONFIG = Path(__file__).parents[2] / "config" / "leads.toml"
ONE_PER_CALL = {"sales": {"batch": 1}, "scheduler": {"batch": 1}, "coordinator": {"batch": 1}}
"""Every agent but the Analyst takes one mark per call. The Analyst keeps its batch, because one outcome shows no
pattern."""

_RULES = {
    load_prompt("sales"): offline_rules.judge_leads,
    load_prompt("scheduler"): offline_rules.pick_slots,
    load_prompt("analyst"): offline_rules.find_patterns,
    load_prompt("conflicts"): offline_rules.decide_conflicts,
    load_prompt("insights"): offline_rules.plan_tasks,
}


def scripted_answer(body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a request of the desk by the offline rules."""
    system = body["system"] if isinstance(body["system"], str) else body["system"][0]["text"]
    rule: Any = _RULES[system]
    answer: BaseModel = rule(json.loads(body["messages"][0]["content"]))
    return answer.model_dump()


@dataclass
class Arrivals:
    """The arrival times of leads."""

    at: Sequence[datetime]
    opens: datetime = OPENING
    """The start of the daemon. Earlier leads are already on the board."""


def trickle(count: int, gap: timedelta, seed: int = 1) -> Arrivals:
    """Return Poisson arrivals: gaps of an exponential distribution with this mean."""
    rng, at, times = Random(seed), OPENING, []
    for _ in range(count):
        at += timedelta(seconds=round(rng.expovariate(1 / gap.total_seconds()), 3))
        times.append(at)
    return Arrivals(times)


def fading(count: int, over: timedelta) -> Arrivals:
    """Return even arrivals over a time in which the desk was closed."""
    return Arrivals([OPENING - over + over * (i + 0.5) / count for i in range(count)])


class _ArrivingClock(ManualClock):
    """A manual clock with arriving leads: a wait stops at the next arrival."""

    def __init__(self, start: datetime, leads: Sequence[tuple[Instant, Enquiry]]) -> None:
        super().__init__(start)
        self.coming = list(leads)
        self.board: Blackboard | None = None
        self.daemon: DaemonLoop | None = None

    def wait(self, event: threading.Event, until: Instant | datetime | None) -> bool:
        until = from_datetime(until) if isinstance(until, datetime) else until
        if not self.coming or event.is_set() or (until is not None and until < self.coming[0][0]):
            return super().wait(event, until)
        at, lead = self.coming.pop(0)
        super().wait(event, at)
        assert self.board is not None
        assert self.daemon is not None
        self.board.deposit(lead.mark)
        if not self.coming:
            self.daemon.stop()
        return event.is_set()


@dataclass
class Run:
    """The results of a run of the desk."""

    outcome: Outcome
    cost: Cost
    waits: list[float] = field(default_factory=list)

    @property
    def median_wait(self) -> float:
        return statistics.median(self.waits)


@contextmanager
def scripted() -> Iterator[MessagesApi]:
    """Run the local server with the scripted model."""
    with MessagesApi(scripted_answer) as api:
        yield api


def run_desk(
    leads: Sequence[Enquiry],
    agents: Mapping[str, Mapping[str, Any]] | None = None,
    arrivals: Arrivals | None = None,
    client: ModelClient | None = None,
    strict: bool = True,
) -> Run:
    """Run the desk and check its outcome.

    Args:
        leads: The leads.
        agents: Settings by agent that replace the settings of config/leads.toml.
        arrivals: The arrival times; by default all leads are on the board at the opening.
        client: A client to use instead of the scripted model. The caller closes it and measures its cost; the cost of
            the result is then zero.
        strict: Whether a wrong outcome is an error. The verdicts of a real model may differ from the script.

    Raises:
        WrongOutcome: The outcome is wrong.
    """
    arrivals = arrivals or Arrivals([OPENING] * len(leads))
    with tempfile.TemporaryDirectory() as folder, scripted() as api:
        own = AnthropicClient("offline", api.url)
        try:
            board = _serve(Path(folder), list(leads), agents or {}, arrivals, client or own)
        finally:
            own.close()
        with board:
            run = _run_of(board, leads, {lead.subject: at for lead, at in zip(leads, arrivals.at, strict=True)})
            faded = {row.subject for row in board.activations(state="faded", limit=len(leads))}
        if strict:
            check(run.outcome, leads, [lead.number for lead in leads if lead.subject not in faded])
        run.cost = Cost(api.paid, api.usage.prompt_tokens, api.usage.output_tokens)
    return run


WINDOWS = timedelta(minutes=15)
"""Longer than all batch windows of the desk in a row. A service waits for them; a run until quiescence ends them
early."""


def _serve(
    folder: Path,
    leads: list[Enquiry],
    agents: Mapping[str, Mapping[str, Any]],
    arrivals: Arrivals,
    client: ModelClient,
) -> Blackboard:
    calendar, url = folder / "calendar.ics", f"sqlite:///{folder / 'board.db'}"
    write_calendar(calendar, leads)
    resolved = resolve(load_settings(CONFIG, _environment(agents)))
    settings = resolved.settings
    came = [(from_datetime(at), lead) for at, lead in zip(arrivals.at, leads, strict=True)]
    later = [item for item in came if to_datetime(item[0]) > arrivals.opens]
    clock = _ArrivingClock(min(arrivals.opens, arrivals.at[0]), later)
    board = Blackboard.open(url, clock=clock, author="webform")
    board.deploy(resolved.deployment)
    for at, lead in came[: len(came) - len(clock.coming)]:
        clock.set(at)
        board.deposit(lead.mark)
    clock.set(from_datetime(arrivals.opens))
    # The tick is only the fallback of the daemon. The work must not depend on it, and every tick takes time.
    daemon_settings = settings.daemon.model_copy(update={"workers": 1, "tick": Microseconds(parse_duration("1h"))})
    context = {"lead_desk": {**settings.settings["lead_desk"], "calendar": str(calendar)}}

    def daemon() -> DaemonLoop:
        return DaemonLoop(
            board, resolved.agents, daemon_settings, model=settings.model, client=client, agent_settings=context
        )

    if clock.coming:
        clock.board, clock.daemon = board, daemon()
        clock.daemon.run()
    with Replay(board, daemon()) as service:
        service.run_until(to_datetime(clock.now()) + WINDOWS)
    daemon().run(until_quiescent=True)
    return board


def _environment(agents: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {
        f"BLACKBOARD_AGENTS__{agent}__{name}".upper(): str(value)
        for agent, settings in agents.items()
        for name, value in settings.items()
    }


def _run_of(board: Blackboard, leads: Sequence[Enquiry], came: Mapping[str, datetime]) -> Run:
    numbers = {lead.subject: lead.number for lead in leads}
    finished_at: dict[str, datetime] = {}
    outcome, by_id = Outcome(), {}
    for mark in sorted(board.marks(limit=None), key=lambda mark: mark.id):
        match mark.kind:
            case "qualified" | "rejected":
                outcome.qualified[numbers[mark.subject]] = mark.kind == "qualified"
                by_id[mark.id] = numbers[mark.subject]
                finished_at[mark.subject] = mark.deposited_at
            case "appointment":
                start = datetime.fromisoformat(str(mark.payload["slot"])).astimezone(ZONE)
                outcome.slots[numbers[mark.subject]] = f"{start:%Y-%m-%dT%H:%M}"
                finished_at[mark.subject] = mark.deposited_at
            case "insight":
                outcome.insights.append([by_id[number] for number in IDS.validate_python(mark.payload["evidence"])])
    return Run(
        outcome,
        Cost(0, 0, 0),
        [(finished_at[item] - came[item]).total_seconds() for item in numbers if item in finished_at],
    )
