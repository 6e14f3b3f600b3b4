"""A persistent blackboard: agents leave typed marks that fade; strong enough marks wake agents.

    from blackboard import Blackboard, Mark, agent, strength

Everything is imported when it is first asked for, so that a command that needs little starts fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blackboard.agent_definition import Agent, Context, agent, of_subject, strongest_of, watch
    from blackboard.board import Blackboard, MarkRecord, Receipt
    from blackboard.clock import ManualClock, SystemClock
    from blackboard.conditions import Measure, count, strength, strongest, total
    from blackboard.daemon import Daemon
    from blackboard.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
    from blackboard.errors import BlackboardError
    from blackboard.marks import Decision, Mark, Need
    from blackboard.parsing import parse

_HOME = {
    "agent_definition": ("Agent", "Context", "agent", "of_subject", "strongest_of", "watch"),
    "board": ("Blackboard", "MarkRecord", "Receipt"),
    "clock": ("ManualClock", "SystemClock"),
    "conditions": ("Measure", "count", "strength", "strongest", "total"),
    "parsing": ("parse",),
    "daemon": ("Daemon",),
    "decay": ("Curve", "Decay", "Exponential", "Linear", "Never", "Power", "Step"),
    "errors": ("BlackboardError",),
    "marks": ("Decision", "Mark", "Need"),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Agent",
    "Blackboard",
    "BlackboardError",
    "Context",
    "Curve",
    "Daemon",
    "Decay",
    "Decision",
    "Exponential",
    "Linear",
    "ManualClock",
    "Mark",
    "MarkRecord",
    "Measure",
    "Need",
    "Never",
    "Power",
    "Receipt",
    "Step",
    "SystemClock",
    "agent",
    "count",
    "of_subject",
    "parse",
    "strength",
    "strongest",
    "strongest_of",
    "total",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'blackboard' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"blackboard.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
