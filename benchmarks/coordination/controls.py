"""The same prompts in a hand-written pipeline: code decides the order, and there is no board.

It calls the desk's own functions, so that tokens differ only by the grouping of the leads. docs/economy.md names the
features that such a pipeline lacks: it stores no state, and a run after a crash pays again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from pydantic import BaseModel

from benchmarks.coordination.desk import scripted
from benchmarks.coordination.leads import OPENING, ZONE, Enquiry, write_calendar
from benchmarks.coordination.outcome import Cost, Outcome, check
from blackboard.clock import from_datetime
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.marks.mark_model import Mark, StoredMark, attach_stored
from blackboard.llm.answer_parser import parse_answer
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.model_client import ModelClient
from blackboard.llm.model_request import request_text
from lead_desk.analyst import analyst
from lead_desk.coordinator import coordinator
from lead_desk.desk_marks import Appointment, BookingConflict, Insight, Qualified
from lead_desk.sales import sales
from lead_desk.scheduler import scheduler

__all__ = ["ALL", "run_pipeline"]

ALL = 1_000
"""The size of a batch without a limit."""
MODEL, MAX_TOKENS = "claude-haiku-4-5", 32_000

A = TypeVar("A", bound=BaseModel)
T = TypeVar("T")


class _Context:
    """The context of the desk's functions, without a board."""

    agent, activation_id, attempt, reason, board_id, offline, now = "", 0, 1, "", "", False, OPENING

    def __init__(
        self, watch: str, settings: Mapping[str, Any], live_marks: Sequence[Mark], client: ModelClient
    ) -> None:
        self.watch, self.settings, self._live_marks, self._client = watch, settings, live_marks, client

    def read(self, kind: type[Mark] | str, subject: str | None = None) -> list[Any]:
        name = kind if isinstance(kind, str) else kind.kind
        return [mark for mark in self._live_marks if mark.kind == name and subject in (None, mark.subject)]

    def ask(self, system: str, data: Any, answer: type[A], offline: Callable[[Any], A] | None = None) -> A:
        body = request_text(system=system, data=data, answer=answer, model=MODEL, max_tokens=MAX_TOKENS)
        return parse_answer(self._client.send(body).raw, answer)


class _Pipeline:
    def __init__(self, client: ModelClient, calendar: Path, batch: int) -> None:
        self.client, self.batch = client, batch
        self.settings = {"lead_desk": {"calendar": str(calendar), "time_zone": ZONE.key}}
        self.live_marks: list[Mark] = []
        self.ids = count(1)

    def add(self, mark: Mark) -> Mark:
        number, at = next(self.ids), from_datetime(OPENING)
        attach_stored(mark, StoredMark(number, number, "webform", mark.intensity, at, at, 0, at))
        self.live_marks.append(mark)
        return mark

    def stage(self, agent: Agent, watch: str, marks: Sequence[Mark], batch: int | None = None) -> list[Mark]:
        """Call an agent once for each batch of marks, and return all results."""
        results: list[Mark] = []
        for part in _chunks(marks, batch or self.batch):
            deposits = agent(part, _Context(watch, self.settings, list(self.live_marks), self.client))
            assert isinstance(deposits, list)
            results += [self.add(mark) for mark in deposits]
        return results

    def task(self, leads: Sequence[Mark]) -> list[Mark]:
        """Run all stages for some leads except the patterns, and return the verdicts."""
        verdicts = self.stage(sales, "new", leads)
        booked = self.stage(scheduler, "new", [mark for mark in verdicts if isinstance(mark, Qualified)])
        decisions = self.stage(coordinator, "conflict", [mark for mark in booked if isinstance(mark, BookingConflict)])
        self.stage(scheduler, "decided", decisions)
        return verdicts


def run_pipeline(
    leads: Sequence[Enquiry], batch: int, per_task: int = ALL, client: ModelClient | None = None, strict: bool = True
) -> Cost:
    """Run a pipeline and check its outcome.

    Args:
        leads: The leads.
        batch: The largest number of marks in a call.
        per_task: The number of leads that go through all stages together; by default, each stage handles all leads.
        client: See `run_desk`.
        strict: See `run_desk`.

    Raises:
        WrongOutcome: The outcome is wrong.
    """
    with TemporaryDirectory() as folder, scripted() as api:
        calendar, own = Path(folder) / "calendar.ics", AnthropicClient("offline", api.url)
        write_calendar(calendar, list(leads))
        try:
            pipeline = _Pipeline(client or own, calendar, batch)
            marks = [pipeline.add(lead.mark) for lead in leads]
            verdicts = [mark for part in _chunks(marks, per_task) for mark in pipeline.task(part)]
            pipeline.stage(analyst, "outcomes", verdicts, ALL)
        finally:
            own.close()
        if strict:
            check(_outcome(pipeline.live_marks, leads), leads)
        return Cost(api.paid, api.usage.prompt_tokens, api.usage.output_tokens)


def _outcome(marks: Iterable[Mark], leads: Sequence[Enquiry]) -> Outcome:
    numbers, outcome = {lead.subject: lead.number for lead in leads}, Outcome()
    by_id: dict[int, int] = {}
    for mark in marks:
        match mark:
            case Appointment():
                start = datetime.fromisoformat(mark.slot).astimezone(ZONE)
                outcome.slots[numbers[mark.subject]] = f"{start:%Y-%m-%dT%H:%M}"
            case Insight():
                outcome.insights.append([by_id[number] for number in mark.evidence])
            case _ if mark.kind in ("qualified", "rejected"):
                by_id[mark.id] = numbers[mark.subject]
                outcome.qualified[numbers[mark.subject]] = mark.kind == "qualified"
    return outcome


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))
