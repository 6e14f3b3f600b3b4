"""The errors that the problems of a server report, as the same classes that a board raises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from blackboard import errors
from blackboard.board.error_names import ERROR_NAMES, PROBLEM_PREFIX
from blackboard.errors import AccessDenied, BlackboardError, ServerError, ServerUnreachable, UsageError
from blackboard.plurals import counted

ERROR_CLASSES: Mapping[str, type[BlackboardError]] = {
    **{name: error for error, name in ERROR_NAMES.items()},
    "no-token": AccessDenied,
    "invalid-token": AccessDenied,
    "not-allowed": AccessDenied,
    "withheld": AccessDenied,
    "too-large": UsageError,
    "invalid-request": UsageError,
    "too-many-requests": ServerUnreachable,
    "overloaded": ServerUnreachable,
    "internal": ServerError,
}
"""The error of each problem. For all other problems it is `ServerError`."""


def read_problem(body: bytes) -> dict[str, Any]:
    """Return the problem in the body of a response; {} if the body is something else, such as a page of a proxy."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    is_problem = isinstance(document, dict) and str(document.get("type", "")).startswith(PROBLEM_PREFIX)
    return document if is_problem else {}


def name_of(problem: Mapping[str, Any]) -> str:
    """Return the name of a problem; "" for {}."""
    return str(problem.get("type", "")).removeprefix(PROBLEM_PREFIX)


def error_of(problem: Mapping[str, Any], status: int) -> BlackboardError:
    """Return the error that a problem reports.

    Args:
        problem: The problem; {} if the response has none.
        status: The status of the response.
    """
    name = name_of(problem)
    error = ERROR_CLASSES.get(name, ServerError).reported(_message(problem, status))
    if isinstance(error, ServerError | AccessDenied):
        error.problem = name
    if isinstance(error, errors.Conflict):
        error.event_id = int(problem.get("event_id", 0))
    if isinstance(error, errors.UnknownName):
        error.category, error.name = str(problem.get("category", "")), str(problem.get("name", ""))
    error.stored = _stored_count(problem)
    return error


def _stored_count(problem: Mapping[str, Any]) -> int | None:
    stored = problem.get("stored")
    return stored if isinstance(stored, int) else None


def _message(problem: Mapping[str, Any], status: int) -> str:
    """Return the text of the error that a problem of a server becomes."""
    if not problem:
        return f"the response with the status {status} does not come from a blackboard server, but perhaps from a proxy"
    places = "; ".join(
        f"{str(item.get('place', '')).removeprefix('body.')}: {item.get('message')}"
        for item in problem.get("errors", ())
        if isinstance(item, Mapping)
    )
    detail = str(problem.get("detail") or problem.get("title") or name_of(problem))
    if (stored := _stored_count(problem)) is not None:
        detail = detail.removesuffix(f"; {counted(stored, 'mark')} stored")  # the class of the error adds this text
    parts = [detail]
    if places:
        parts = [places] if name_of(problem) == "invalid" else [*parts, places]
    if name_of(problem) not in ERROR_NAMES.values() and "remedy" in problem:
        remedy = str(problem["remedy"])
        parts.append(f"{remedy[:1].lower()}{remedy[1:].removesuffix('.')}")
    return "; ".join(parts)
