"""Shell completion of agents, kinds, subjects and tags. It creates no board and reports no error.

A shell may evaluate a completion, and anyone may have written a subject. So only names of plain characters are
offered, which mean the same in every shell, quoted or not.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from blackboard.cli.cli_session import CommandSession

if TYPE_CHECKING:
    from blackboard.board import Blackboard

MAX_SUBJECTS = 100
"""The largest number of subjects offered; a board may have millions."""
_MAX_READ_SUBJECTS = 10 * MAX_SUBJECTS
"""The largest number of subjects read to find these."""
_PLAIN = re.compile(r"[A-Za-z0-9@_][A-Za-z0-9@_./+-]*")
"""Names without characters that have a meaning in a shell or in the lines of a completion."""
_PLAIN_TAG = re.compile(rf"{_PLAIN.pattern}=({_PLAIN.pattern})?")
"""A tag of such a name and, perhaps, such a value."""


def agents(context: typer.Context, incomplete: str) -> list[str]:
    """Return the agents that begin with the text."""
    return _of_board(context, lambda board: _beginning(incomplete, board.deployment.agents))


def remote_agents(context: typer.Context, incomplete: str) -> list[str]:
    """Return the remote agents that begin with the text."""

    def names(board: Blackboard) -> list[str]:
        remote = [agent.name for agent in board.deployment.agents.values() if agent.remote]
        return _beginning(incomplete, remote)

    return _of_board(context, names)


def agent_lists(context: typer.Context, incomplete: str) -> list[str]:
    """Return the comma-separated list completed by each agent that begins with its last name and is not yet in it."""
    *before, last = incomplete.split(",")
    if not all(map(_PLAIN.fullmatch, before)):
        return []
    return [",".join([*before, name]) for name in agents(context, last) if name not in before]


def kinds(context: typer.Context, incomplete: str) -> list[str]:
    """Return the kinds that begin with the text."""
    return _of_board(context, lambda board: _beginning(incomplete, board.deployment.kinds))


def subjects(context: typer.Context, incomplete: str) -> list[str]:
    """Return the first subjects of plain characters that begin with the text, in alphabetical order."""
    if not incomplete.isascii():
        return []  # no plain subject begins with this text, which may not even be valid
    return _of_board(context, lambda board: board.subjects(incomplete, limit=_MAX_READ_SUBJECTS))


def tags(context: typer.Context, incomplete: str) -> list[str]:
    """Return the tags that begin with the text, each with `=`; after that sign, the values that live marks have."""
    name, equals, beginning = incomplete.partition("=")
    kind = context.params.get("kind")

    def ask(board: Blackboard) -> list[str]:
        kinds = [spec for each, spec in board.deployment.kinds.items() if kind in (None, each)]
        if not equals:
            return [f"{tag}=" for tag in _beginning(name, {tag for spec in kinds for tag in spec.tags})]
        values = board.tag_values(name, kind=kind, limit=_MAX_READ_SUBJECTS)
        texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
        return [f"{name}={text}" for text in _beginning(beginning, texts) if _PLAIN.fullmatch(text)]

    return _of_board(context, ask, _PLAIN_TAG)


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _of_board(
    context: typer.Context, ask: Callable[[Blackboard], list[str]], plain: re.Pattern[str] = _PLAIN
) -> list[str]:
    from blackboard.board import Blackboard
    from blackboard.errors import BlackboardError

    common = context.find_root().params
    config = common.get("config")
    session = CommandSession(None if config is None else Path(config), common.get("database"))
    # A message would appear in the middle of the command line.
    with warnings.catch_warnings(), contextlib.suppress(BlackboardError, OSError):
        warnings.simplefilter("ignore")
        with Blackboard.open(session.url, create=False) as board:
            return [name for name in ask(board) if plain.fullmatch(name)][:MAX_SUBJECTS]
    return []
