"""A persistent blackboard: agents deposit typed marks that fade, and strong marks wake agents.

    from blackboard import Blackboard, Mark, agent, strength

Each name is imported when it is first used, so that a command that needs little starts fast.
"""

from __future__ import annotations

import importlib

_NAMES = {
    "core.agent_definition": "Agent Context agent marks of_subject search strongest_of subject watch",
    "board": "Blackboard Deposit",
    "board.result_types": (
        "AccessToken ActivationRecord AgendaItem AgentStatus BoardStatus CompactionReport CostRow DeploymentRecord "
        "DeployResult EarlyWake ErasureReport Explanation MarkEvent MarkPosition MarkRecord NeedRecord Receipt "
        "ScheduleRecord SearchResult"
    ),
    "clock": "ManualClock SystemClock",
    "core.conditions": "Measure count exactly strength strongest total",
    "daemon": "Daemon",
    "core.decay": "Curve Decay Exponential Linear Never Power Step",
    "errors": "BlackboardError",
    "core.finding": "Finding",
    "core.mark_actions": "Reinforce Withdraw",
    "core.built_in_marks": "Decision Need Overdue",
    "core.marks": "Mark",
    "core.parsing": "parse_condition",
    "core.schedules": "cron daily_at every",
    "settings.agent_sections": "read_section",
    "store.readonly_access": "Row connect",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_MODULES)  # noqa: PLE0605 (for type checkers, the names are in __init__.pyi)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'blackboard' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"blackboard.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
