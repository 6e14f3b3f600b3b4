"""What a system made of the leads, held to what must become of them; and what that cost. It measures nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from benchmarks.coordination.leads import Enquiry

__all__ = ["Cost", "Outcome", "Row", "WrongOutcome", "checked"]

_NEAR = timedelta(hours=2)
"""How near to a wish that is taken the slot must lie that was found instead."""


class WrongOutcome(AssertionError):
    """A system did not do the work, so that its cost means nothing."""


@dataclass
class Outcome:
    """Verdicts and slots by the number of the lead, and the insights as groups of numbers."""

    qualified: dict[int, bool] = field(default_factory=dict)
    slots: dict[int, str] = field(default_factory=dict)
    """Local times, such as `2026-01-07T09:00`."""
    insights: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Cost:
    """Calls and tokens of one run."""

    calls: int
    input: int
    output: int

    @property
    def weighted(self) -> int:
        """Input plus five times the output: what the usual prices weigh them at."""
        return self.input + 5 * self.output


@dataclass(frozen=True)
class Row:
    """One system at one number of leads."""

    system: str
    group: str
    leads: int
    cost: Cost
    wait: float | None = None
    """The median seconds from a lead's coming to its verdict, and its appointment if it gets one."""
    done: int | None = None
    """Leads that were judged, where not all of them should be."""
    note: str = ""

    def per_lead(self, tokens: int) -> float:
        return tokens / self.leads

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Row:
        """The row that `json` was made of."""
        cost = data["cost"]
        return cls(**{**data, "cost": Cost(cost["calls"], cost["input"], cost["output"])})

    @property
    def json(self) -> dict[str, Any]:
        cost = {**asdict(self.cost), "weighted": self.cost.weighted}
        return {**asdict(self), "cost": cost}


def checked(outcome: Outcome, leads: Sequence[Enquiry], judged: Iterable[int] | None = None) -> Outcome:
    """The outcome, if it is right for every lead.

    Args:
        judged: the numbers of the leads that should have been judged; all by default.

    Raises:
        WrongOutcome: the first lead that did not become what it must.
    """
    expected = {lead.number: lead for lead in leads}
    if judged is not None:
        expected = {number: expected[number] for number in judged}
    _same("leads judged", sorted(outcome.qualified), sorted(expected))
    for number, lead in expected.items():
        _same(f"lead {number}: qualified", outcome.qualified[number], lead.qualifies)
        _check_slot(lead, outcome.slots.get(number))
    taken = list(outcome.slots.values())
    _same("slots given twice", len(taken) - len(set(taken)), 0)
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
            raise WrongOutcome(f"lead {lead.number} wished for {lead.wish}, which is taken, and got {slot}")
    elif lead.wish:
        _same(f"lead {lead.number}: slot", slot, lead.wish)


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise WrongOutcome(f"{what}: {found!r} and not {expected!r}")
