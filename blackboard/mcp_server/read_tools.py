"""The tools that read the board: find, explain, agenda and query."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from blackboard import MarkPosition
from blackboard.core.request_limits import MAX_QUERY_SECONDS
from blackboard.errors import UsageError
from blackboard.local_or_remote_calls import calls_on_board
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.mcp_server.tool_arguments import AgendaArguments, ExplainArguments, FindArguments, QueryArguments
from blackboard.presentation.json_shapes import explanation
from blackboard.presentation.untrusted_data import NOTE, event_of, listing, mark_of, need_of, plain, table_of


def find(access: BoardAccess, arguments: FindArguments) -> dict[str, Any]:
    """Return live marks, the best matches of a search, or the events of a subject.

    Raises:
        AccessDenied: The caller may not read.
        UsageError: The arguments contradict each other, or a filter or a cursor is not valid.
    """
    access.require("read")
    if arguments.history:
        return _history(access, arguments)
    if arguments.text is not None:
        return _search(access, arguments, arguments.text)
    position = None if arguments.cursor is None else _position(arguments.cursor)
    found = access.board.marks(
        arguments.kind,
        subject=arguments.subject,
        min_strength=arguments.min_strength,
        at=arguments.at,
        limit=arguments.limit + 1,
        where=_filters(access, arguments),
        after=position,
    )
    return listing(
        "marks", found, mark_of, arguments.limit, lambda item, number: [item.as_of.isoformat(), item.strength, item.id]
    )


def _search(access: BoardAccess, arguments: FindArguments, text: str) -> dict[str, Any]:
    """Return the marks whose text matches, the best first."""
    if arguments.subject is not None or arguments.min_strength is not None or arguments.at is not None:
        raise UsageError("a search by text takes kind and tags only; leave out subject, min_strength and at")
    start = _number(arguments.cursor)
    found = access.board.search(
        text, kind=arguments.kind, where=_filters(access, arguments), limit=start + arguments.limit + 1
    )
    return listing("marks", found[start:], mark_of, arguments.limit, lambda item, number: start + number)


def _history(access: BoardAccess, arguments: FindArguments) -> dict[str, Any]:
    """Return the events of a subject's marks, oldest first."""
    if arguments.subject is None or arguments.text is not None:
        raise UsageError("history needs a subject, and takes no text")
    after = None if arguments.cursor is None else _number(arguments.cursor)
    found = access.board.history(arguments.subject, at=arguments.at, after=after, limit=arguments.limit + 1)
    return listing("events", found, event_of, arguments.limit, lambda item, number: item.id, subject=arguments.subject)


def _filters(access: BoardAccess, arguments: FindArguments) -> dict[str, Any] | None:
    if not arguments.tags:
        return None
    return {**calls_on_board(access.board).filters(arguments.kind, arguments.tags)}


def _position(cursor: Any) -> MarkPosition:
    """Return the position in a list of marks that a cursor means.

    Raises:
        UsageError: The cursor belongs to another list.
    """
    match cursor:
        case [str(as_of), (int() | float()) as strength, int(mark_id)] if bool not in (type(strength), type(mark_id)):
            try:
                return MarkPosition(datetime.fromisoformat(as_of), strength, mark_id)
            except ValueError:
                pass
    raise UsageError("the cursor belongs to another list; leave it out to begin this list")


def _number(cursor: Any) -> int:
    """Return the number that a cursor means; 0 without a cursor.

    Raises:
        UsageError: The cursor belongs to another list.
    """
    if cursor is None:
        return 0
    if not isinstance(cursor, int) or isinstance(cursor, bool) or not 0 <= cursor < 2**63:  # True is an int in Python
        raise UsageError("the cursor belongs to another list; leave it out to begin this list")
    return cursor


def explain(access: BoardAccess, arguments: ExplainArguments) -> dict[str, Any]:
    """Return why an agent has or has not woken.

    Raises:
        AccessDenied: The caller may not read.
        UnknownName: There is no such agent.
    """
    access.require("read")
    return {"note": NOTE, **plain(explanation(access.board.explain(arguments.agent, arguments.subject)))}


def agenda(access: BoardAccess, arguments: AgendaArguments) -> dict[str, Any]:
    """Return the crossings that wait, strongest first. The first page also has the needs that wait for an answer.

    Raises:
        AccessDenied: The caller may not read.
        UsageError: The cursor belongs to another list.
    """
    access.require("read")
    start = _number(arguments.cursor)
    crossings = access.board.agenda(limit=start + arguments.limit + 1)[start:]
    needs = [] if start else access.board.inbox(all_needs=True)
    shown = listing("needs", needs, need_of, arguments.limit)
    has_more = len(needs) > len(shown["needs"])
    hint: dict[str, Any] = {"hint": "find with kind 'need' has the other needs, page by page"} if has_more else {}
    return listing(
        "crossings", crossings, vars, arguments.limit, lambda item, number: start + number,
        needs=shown["needs"], more_needs=has_more, **hint,
    )  # fmt: skip


def query(access: BoardAccess, arguments: QueryArguments) -> dict[str, Any]:
    """Return the rows of one SELECT over the views.

    Raises:
        AccessDenied: The caller may not query in SQL.
        InvalidQuery: The SQL is not valid, or it writes.
        QueryStopped: The query took too much time or memory.
    """
    access.require("sql")
    result = calls_on_board(access.board).query(arguments.sql, limit=arguments.limit, seconds=MAX_QUERY_SECONDS)
    return table_of(result.columns, result.rows, arguments.limit, has_more=result.has_more)
