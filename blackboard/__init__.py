"""A persistent blackboard: agents deposit typed marks that fade, and strong marks wake agents.

    from blackboard import Blackboard, Mark, agent, strength

Each name is imported when it is first used, so that a command that needs little starts fast. For programs:

testing                tools for tests of agents, and rules as tests
sqlalchemy_views       the SQL views as SQLAlchemy tables
client                 a board behind a server
errors                 the errors that callers may catch
clock                  the clock of a board, and one that tests move by hand
durations              durations such as "3d", as microseconds
agent_package_support  what packages of agents use beside these names

What these are made of, from the top:

pytest_plugin          finds files of scenarios for pytest
cli                    the command line
server                 the board over HTTP
claude_code            connects a project of Claude Code
mcp_server             tools for models, by the Model Context Protocol
local_or_remote_calls  what works on a board of this machine and on one behind a server
daemon                 the daemon, which runs agents
sinks                  delivers messages to people outside
settings               deployment files
llm                    model calls
presentation           results of the board as JSON, as text, and as data for models and pages
board                  the board, and everything that happens in its transactions
store                  the tables, and all SQL
core                   marks, conditions, agents and deployments as values and pure functions
system                 files and their permissions, forks of this process, its log, and requests to webhooks
plurals                counts with their nouns
"""

from __future__ import annotations

import importlib

_NAMES = {
    "core.agents.agent_context": "Context",
    "core.agents.agent_definition": "Agent agent watch",
    "core.agents.agent_reads": "marks of_subject search strongest_of subject",
    "board": "Blackboard Deposit",
    "board.result_types.administration_results": (
        "AccessToken CompactionReport DeploymentRecord DeployResult ErasureReport"
    ),
    "board.result_types.explanation_results": "Explanation",
    "board.result_types.mark_results": (
        "MarkEvent MarkPosition MarkRecord NeedRecord Receipt SearchResult StreamEvent StreamPosition"
    ),
    "board.result_types.message_results": "OutboxMessage",
    "board.result_types.remote_work_results": "ClaimedMark RemoteActivation RunState",
    "board.result_types.status_results": "AgentStatus BoardStatus",
    "board.result_types.work_results": "ActivationRecord ActivityRecord AgendaItem CostRow EarlyWake ScheduleRecord",
    "core.agents.remote_results": "ModelUsage RemoteResult",
    "clock": "ManualClock SystemClock",
    "core.conditions.measures": "Measure count exactly strength strongest total",
    "daemon": "Daemon",
    "core.marks.decay": "Curve Decay Exponential Linear Never Power Step",
    "errors": "BlackboardError",
    "core.records.finding": "Finding",
    "core.agents.mark_actions": "Reinforce Withdraw",
    "core.built_in_marks": "Decision Need Overdue",
    "core.marks.mark_model": "Mark",
    "core.conditions.condition_parser": "parse_condition",
    "core.conditions.schedules": "cron daily_at every",
    "settings.agent_defined_settings": "read_section",
    "core.records.query_result_rows": "Row",
    "store.database_factory": "connect",
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
