"""A fake desk without a board: it passes each mark once to each watch of its kind until no work remains."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from blackboard.clock import from_datetime
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.conditions.condition_types import Comparison
from blackboard.core.marks.mark_model import Mark, StoredMark, alternative_of, attach_stored
from lead_desk.analyst import analyst
from lead_desk.coordinator import coordinator
from lead_desk.desk_marks import Lead
from lead_desk.sales import sales
from lead_desk.scheduler import scheduler

MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""09:00 in Berlin."""
BERLIN = ZoneInfo("Europe/Berlin")
SAMPLES = files("lead_desk").joinpath("samples")
_IDS = count(1)


def stored(mark: Mark, *, at: datetime = MONDAY, author: str = "webform", strength: float | None = None) -> Any:
    """Return the mark as a board would return it."""
    number = next(_IDS)
    instant = from_datetime(at)
    strength = mark.intensity if strength is None else strength
    return attach_stored(mark, StoredMark(number, number, author, strength, instant, instant, 0, instant))


@dataclass
class Context:
    """A fake context: marks to read, and prepared answers."""

    watch: str
    settings: dict[str, Any]
    marks_to_read: Sequence[Mark] = ()
    answer: Callable[[str, Any, type], Any] | None = None
    """Answers that replace the offline rules."""
    declared_reads: Iterable[str] | None = None
    now: datetime = MONDAY
    agent: str = "agent"
    activation_id: int = 1
    attempt: int = 1
    reason: str = ""
    board_id: str = "board"
    offline: bool = True
    asked: list[Any] = field(default_factory=list)

    def read(self, kind: Any, subject: str | None = None) -> list[Any]:
        name = kind if isinstance(kind, str) else kind.kind
        assert self.declared_reads is None or name in self.declared_reads, f"{name} is not declared in reads"
        result = [mark for mark in self.marks_to_read if mark.kind == name and subject in (None, mark.subject)]
        return sorted(result, key=lambda mark: -mark.strength)

    def ask(self, system: str, data: Any, answer: type, offline: Callable[[Any], Any] | None = None) -> Any:
        assert not self.asked, "an activation makes one call at most"
        self.asked.append(data)
        if self.answer is not None:
            return self.answer(system, data, answer)
        assert offline is not None
        return offline(data)


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    return {"lead_desk": {"calendar": str(folder / "calendar.ics"), "time_zone": "Europe/Berlin", **more}}


def woken(agent: Agent, marks: Sequence[Mark], context: Context) -> list[Any]:
    """Return the deposits of an agent."""
    deposited = agent(list(marks), context)
    assert isinstance(deposited, list)
    return deposited


class FakeDesk:
    """Marks and the four agents that work on them until no work remains."""

    agents = (sales, scheduler, coordinator, analyst)

    def __init__(
        self, settings: dict[str, Any], answer: Callable[[str, Any, type], Any] | None = None, now: datetime = MONDAY
    ) -> None:
        self.settings, self.answer, self.now = settings, answer, now
        self.marks: list[Mark] = []
        self.absorbed: set[tuple[str, str, int]] = set()
        self.calls: list[str] = []

    def add(self, mark: Mark, author: str = "webform") -> None:
        unique = mark.defaults.unique
        if unique and any(getattr(mark, unique) == getattr(o, unique) for o in self.of(mark.kind)):
            alternative = alternative_of(mark)
            assert alternative is not None
            mark = alternative
        self.marks.append(stored(mark, at=self.now, author=author))

    def of(self, kind: str) -> list[Any]:
        return [mark for mark in self.marks if mark.kind == kind]

    def run(self, limit: int = 200) -> int:
        """Work until quiescence, and return the number of activations."""
        for done in range(limit):
            if not any(self._wake(agent) for agent in self.agents):
                return done
        raise AssertionError(f"work remains after {limit} activations")

    def _wake(self, agent: Agent) -> bool:
        for watch in agent.spec.watches:
            if watch.condition.is_falling:
                continue
            key = (agent.name, watch.name)
            threshold = (
                watch.condition.threshold
                if isinstance(watch.condition, Comparison) and watch.condition.is_per_mark
                else 0
            )
            waiting = [
                mark
                for mark in self.marks
                if mark.strength >= threshold
                and mark.kind in watch.condition.kinds
                and mark.author != agent.name
                and (*key, mark.id) not in self.absorbed
            ]
            if waiting:
                self._activate(
                    agent, watch.name, sorted(waiting, key=lambda m: (-m.strength, m.id))[: agent.spec.settings.batch]
                )
                return True
        return False

    def _activate(self, agent: Agent, watch: str, batch: Sequence[Mark]) -> None:
        self.now += timedelta(seconds=1)
        kinds = {read.kind for read in agent.spec.reads}
        context = Context(watch, self.settings, list(self.marks), self.answer, kinds, self.now, agent.name)
        deposited = woken(agent, batch, context)
        self.calls += [agent.name] * len(context.asked)
        self.absorbed |= {(agent.name, watch, mark.id) for mark in batch}
        for mark in deposited:
            assert mark.kind in agent.spec.writes
            self.add(mark, author=agent.name)


def sample_leads() -> list[Lead]:
    """Return the sample leads as marks."""
    file = StringIO(SAMPLES.joinpath("leads.csv").read_text("utf-8"), newline="")
    rows: list[dict[str, Any]] = [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]
    return [Lead(subject=row["email"] or row["phone"], message=row.pop("inbound_message"), **row) for row in rows]


def at(day: int, hour: int = 0, minute: int = 0, month: int = 3) -> datetime:
    """Return a time of 2026 in Berlin."""
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)
