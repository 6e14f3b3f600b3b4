"""The outcome of a system, checked against the expected outcome, and its cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from benchmarks.coordination.leads import Enquiry

__all__ = ["Cost", "Outcome", "Row", "WrongOutcome", "check"]

_NEAR = timedelta(hours=2)
"""The largest distance between a taken slot and its replacement."""


class WrongOutcome(AssertionError):
    """An outcome that differs from the expected outcome, so its cost is meaningless."""


@dataclass
class Outcome:
    """Verdicts and slots by the number of the lead, and insights as groups of these numbers."""

    qualified: dict[int, bool] = field(default_factory=dict)
    slots: dict[int, str] = field(default_factory=dict)
    """Local times, such as `2026-01-07T09:00`."""
    insights: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Cost:
    """Calls and tokens of a run."""

    calls: int
    input: int
    output: int

    @property
    def weighted(self) -> int:
        """Input plus five times the output, the usual ratio of prices."""
        return self.input + 5 * self.output


@dataclass(frozen=True)
class Row:
    """The figures of a system for a number of leads."""

    system: str
    group: str
    leads: int
    cost: Cost
    wait: float | None = None
    """The median seconds from the arrival of a lead to its verdict, or to its appointment if it has one."""
    done: int | None = None
    """The number of judged leads, if not all leads should be judged."""
    note: str = ""

    def per_lead(self, tokens: int) -> float:
        return tokens / self.leads

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Row:
        """Return the row from its `json`."""
        cost = data["cost"]
        return cls(**{**data, "cost": Cost(cost["calls"], cost["input"], cost["output"])})

    @property
    def json(self) -> dict[str, Any]:
        cost = {**asdict(self.cost), "weighted": self.cost.weighted}
        return {**asdict(self), "cost": cost}


def check(outcome: Outcome, leads: Sequence[Enquiry], judged: Iterable[int] | None = None) -> Outcome:
    """Return the outcome after checking it for every lead.

    Args:
        outcome: The outcome.
        leads: The leads.
        judged: The numbers of the leads that should have been judged; by default all.

    Raises:
        WrongOutcome: The outcome of a lead is wrong.
    """
    expected = {lead.number: lead for lead in leads}
    if judged is not None:
        expected = {number: expected[number] for number in judged}
    _same("leads judged", sorted(outcome.qualified), sorted(expected))
    for number, lead in expected.items():
        _same(f"lead {number}: qualified", outcome.qualified[number], lead.qualifies)
        _check_slot(lead, outcome.slots.get(number))
    taken = list(outcome.slots.values())
    _same("slots booked twice", len(taken) - len(set(taken)), 0)
    _same("outcomes in insights", sorted(n for group in outcome.insights for n in group), sorted(expected))
    return outcome


def _check_slot(lead: Enquiry, slot: str | None) -> None:
    if not lead.qualifies:
        _same(f"lead {lead.number}: slot", slot, None)
    elif slot is None:
        raise WrongOutcome(f"lead {lead.number} qualified and has no appointment")
    elif lead.clashes and lead.wish:
        away = abs(datetime.fromisoformat(slot) - datetime.fromisoformat(lead.wish))
        if not timedelta(0) < away <= _NEAR:
            raise WrongOutcome(f"lead {lead.number} requested {lead.wish}, which is taken, and got {slot}")
    elif lead.wish:
        _same(f"lead {lead.number}: slot", slot, lead.wish)


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise WrongOutcome(f"{what}: {found!r}, expected {expected!r}")
