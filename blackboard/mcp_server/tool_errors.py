"""Errors of tools, so that a model can act on them: the mistake, and its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from blackboard.board.error_names import ERROR_NAMES
from blackboard.core.validation_problems import describe_problem
from blackboard.errors import AccessDenied, AgentError, BlackboardError, InvalidMark, UniqueConflict, UnknownName
from blackboard.local_or_remote_calls import calls_on_board
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.mcp_server.tool_arguments import Arguments, DepositArguments, FindArguments, FinishArguments

REMEDIES = {
    "conflict": "Find the mark again, and use its present event_id.",
    "internal": "Do not repeat it; tell the person whose session this is.",
    "invalid-query": "Read board://views for the names of views and columns.",
    "key-reused": "Use a new key for this deposit, or repeat the first one unchanged.",
    "law-conflict": "Leave out the law.",
    "lease-lost": "Stop this work, because another worker may have it. Claim again for new work.",
    "not-allowed": "Do not try again; ask a person for the permission if you need it.",
    "not-found": "Look at agenda or find for what is there now.",
    "overloaded": "Try again in a few seconds.",
    "query-stopped": "Narrow the query, or add a LIMIT.",
    "storage-full": "Tell a person.",
    "store-busy": "Try again in a few seconds.",
    "unique-conflict": "Find the mark that has the value, and deposit on its subject.",
}
"""The remedies that a model may use, by the name of the problem."""

MAX_MISTAKES = 10


def describe_mistakes(error: ValidationError, model: type[BaseModel]) -> dict[str, Any]:
    """Return what is wrong with the arguments of a tool, each with its place."""
    mistakes = error.errors(include_url=False, include_input=False, include_context=False)
    places = [
        {"argument": ".".join(map(str, mistake["loc"])), "message": describe_problem(model, mistake, "argument")}
        for mistake in mistakes
    ]
    return {"error": "the arguments are not valid", "problem": "invalid", "mistakes": places[:MAX_MISTAKES]}


def describe_error(error: BlackboardError, access: BoardAccess, arguments: Arguments) -> dict[str, Any]:
    """Return an error of the board, with its remedy.

    A caller who may read gets more: for an unknown kind or agent, the kinds or agents of the board; for a payload that
    does not fit, the schema of the kind; for a refused result, the schemas of the kinds of its marks.
    """
    name = next(ERROR_NAMES[base] for base in type(error).__mro__ if base in ERROR_NAMES)
    if isinstance(error, AccessDenied):
        name = "not-allowed"
    shown: dict[str, Any] = {"error": str(error), "problem": name}
    if remedy := REMEDIES.get(name):
        shown["remedy"] = remedy
    if not access.allows("read"):
        return shown
    if isinstance(error, UnknownName) and error.category == "agent":
        shown["agents"] = [agent.agent for agent in access.board.agents()]
    if isinstance(arguments, DepositArguments) and isinstance(error, UnknownName | InvalidMark):
        shown |= _kinds_for(access, arguments.kind) if not isinstance(error, UniqueConflict) else {}
    if isinstance(arguments, FindArguments) and isinstance(error, UnknownName) and arguments.kind is not None:
        shown |= _kinds_for(access, arguments.kind)
    if isinstance(arguments, FinishArguments) and isinstance(error, AgentError):
        shown |= _kinds_of_result(access, arguments.result or {})
    return shown


def _kinds_for(access: BoardAccess, kind: str) -> dict[str, Any]:
    """Return the schema of a kind's payload, or all kinds if there is none of this name."""
    kinds = calls_on_board(access.board).kinds()
    return {"payload_schema": kinds[kind].payload_schema} if kind in kinds else {"kinds": sorted(kinds)}


def _kinds_of_result(access: BoardAccess, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload schemas of the kinds in a result, and the names of all kinds if it has an unknown kind."""
    marks = result.get("marks")
    named = {str(mark.get("kind")) for mark in marks if isinstance(mark, dict)} if isinstance(marks, list) else set()
    kinds = calls_on_board(access.board).kinds()
    shown: dict[str, Any] = {
        "payload_schemas": {name: kinds[name].payload_schema for name in sorted(named & set(kinds))}
    }
    return shown if named <= set(kinds) else {**shown, "kinds": sorted(kinds)}
