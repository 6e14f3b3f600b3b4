"""Closed formulas for the number of calls, where they are exact. Every run checks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from benchmarks.coordination.leads import Enquiry

__all__ = ["FORMS", "Form", "Work", "work_of"]


@dataclass(frozen=True)
class Work:
    """The amount of work: n leads, q qualified leads, and c leads whose requested slot is taken."""

    n: int
    q: int
    c: int


@dataclass(frozen=True)
class Form:
    """A number of calls as a function and as text."""

    text: str
    calls: Callable[[Work], int]


def work_of(leads: Sequence[Enquiry]) -> Work:
    return Work(len(leads), sum(lead.qualifies for lead in leads), sum(lead.clashes for lead in leads))


def _tens(w: Work) -> int:
    return ceil(w.n / 10) + ceil(w.q / 10) + ceil(w.c / 10) + ceil(w.n / 50)


FORMS = {
    "marks, one per call": Form("n + q + 1", lambda w: w.n + w.q + 1),
    "marks, ten per call": Form("⌈n/10⌉ + ⌈q/10⌉ + ⌈c/10⌉ + ⌈n/50⌉", _tens),
    "pipeline, one per call": Form("n + q + 1", lambda w: w.n + w.q + 1),
    "pipeline, stage by stage, ten per call": Form("⌈n/10⌉ + ⌈q/10⌉ + ⌈c/10⌉ + 1", _tens),
    "floor: one call per stage": Form("4, or 3 without a clash", lambda w: 4 if w.c else 3),
    "single agent with a tool": Form("n + q + c + 1", lambda w: w.n + w.q + w.c + 1),
    "OpenAI Agents, handoffs": Form("n + 2q + 3c + 1", lambda w: w.n + 2 * w.q + 3 * w.c + 1),
    "LangGraph, subagents as tools": Form("3n + 3q + 5c + 3", lambda w: 3 * w.n + 3 * w.q + 5 * w.c + 3),
    "LangGraph, supervisor": Form("3n + 3q + 5c + 3", lambda w: 3 * w.n + 3 * w.q + 5 * w.c + 3),
    "AutoGen, selector": Form("6n + 2q + 4c + 6", lambda w: 6 * w.n + 2 * w.q + 4 * w.c + 6),
    "CrewAI, hierarchical": Form("3n + 3q + 5c + 3", lambda w: 3 * w.n + 3 * w.q + 5 * w.c + 3),
}
"""The formulas by system. They hold for n up to 50, because one call of the Analyst then takes all outcomes."""
