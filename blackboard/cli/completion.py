"""Shell completion of agents, kinds, subjects and tags. It creates no board and reports no error.

A shell may evaluate a completion, and anyone may have written a subject. So only names of plain characters are
offered, which mean the same in every shell, quoted or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from blackboard.cli.cli_session import CommandSession
from blackboard.cli.optional_board_reads import read_quietly

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.client import Client

MAX_COMPLETED_SUBJECTS = 100
"""The largest number of subjects offered; a board may have millions."""
_MAX_READ_SUBJECTS = 10 * MAX_COMPLETED_SUBJECTS
"""The largest number of subjects read to find these."""
_PLAIN = re.compile(r"[A-Za-z0-9@_][A-Za-z0-9@_./+-]*")
"""A name without characters that have a meaning in a shell or in the lines of a completion."""
_PLAIN_TAG = re.compile(rf"{_PLAIN.pattern}=({_PLAIN.pattern})?")
"""A tag with a plain name and, perhaps, a plain value."""
_name_before = ""
"""The name of the tag whose value is completed, if bash has split the two; else empty."""


def agents(context: typer.Context, incomplete: str) -> list[str]:
    """Return the agents that begin with the text."""
    from blackboard.local_or_remote_calls import calls_on_board

    return _board_names(context, lambda board: _beginning(incomplete, calls_on_board(board).agents()))


def remote_agents(context: typer.Context, incomplete: str) -> list[str]:
    """Return the remote agents that begin with the text."""
    from blackboard.local_or_remote_calls import calls_on_board

    return _board_names(context, lambda board: _beginning(incomplete, calls_on_board(board).remote_agents()))


def agent_lists(context: typer.Context, incomplete: str) -> list[str]:
    """Return a comma-separated list with its last name completed, once for each agent that is not yet in it."""
    *before, last = incomplete.split(",")
    if not all(map(_PLAIN.fullmatch, before)):
        return []
    return [",".join([*before, name]) for name in agents(context, last) if name not in before]


def kinds(context: typer.Context, incomplete: str) -> list[str]:
    """Return the kinds that begin with the text."""
    from blackboard.local_or_remote_calls import calls_on_board

    return _board_names(context, lambda board: _beginning(incomplete, calls_on_board(board).kinds()))


def subjects(context: typer.Context, incomplete: str) -> list[str]:
    """Return the first subjects of plain characters that begin with the text, in alphabetical order."""
    if not incomplete.isascii():
        return []  # a plain subject is ASCII
    return _board_names(context, lambda board: board.subjects(incomplete, limit=_MAX_READ_SUBJECTS))


def tags(context: typer.Context, incomplete: str) -> list[str]:
    """Return the tags that begin with the text, each with `=`. A single tag is returned with each live value."""
    if _name_before:
        kind, tag = context.params.get("kind"), _name_before
        found = _board_names(context, lambda board: _tags_with_values(board, tag, kind, incomplete), _PLAIN_TAG)
        return [each.partition("=")[2] for each in found]
    from blackboard.local_or_remote_calls import calls_on_board

    name, equals, beginning = incomplete.partition("=")
    kind = context.params.get("kind")

    def ask(board: Blackboard | Client) -> list[str]:
        if equals:
            return _tags_with_values(board, name, kind, beginning)
        kinds = calls_on_board(board).kinds()
        found = _beginning(name, {tag for each in kinds if kind in (None, each) for tag in kinds[each].tags})
        with_values = _tags_with_values(board, found[0], kind, "") if len(found) == 1 else []
        return with_values or [f"{tag}=" for tag in found]

    return _board_names(context, ask, _PLAIN_TAG)


def _tags_with_values(board: Blackboard | Client, name: str, kind: str | None, beginning: str) -> list[str]:
    from blackboard.local_or_remote_calls import calls_on_board

    values = calls_on_board(board).tag_values(name, kind, _MAX_READ_SUBJECTS)
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    return [f"{name}={text}" for text in _beginning(beginning, texts) if _PLAIN.fullmatch(text)]


def join_words_of_bash(environ: MutableMapping[str, str]) -> None:
    """Join the words that bash has split at `=`: it gives `severity=hi` as three words, and completes the last word."""
    global _name_before
    words, position = environ.get("COMP_WORDS", "").split("\n"), environ.get("COMP_CWORD", "")
    if environ.get("_BLACKBOARD_COMPLETE") != "complete_bash" or "=" not in words or not position.isdigit():
        return
    joined: list[str] = []
    for word in words[: int(position) + 1]:
        if joined and (word == "=" or joined[-1].endswith("=")):
            joined[-1] += word
        else:
            joined.append(word)
    if "=" in joined[-1] and not joined[-1].startswith("-"):
        _name_before, _, joined[-1] = joined[-1].partition("=")
    environ["COMP_WORDS"], environ["COMP_CWORD"] = "\n".join(joined), str(len(joined) - 1)


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _board_names(
    context: typer.Context, ask: Callable[[Blackboard | Client], list[str]], plain: re.Pattern[str] = _PLAIN
) -> list[str]:
    """Return names on the board for the completion of a shell; none if the board cannot be read."""
    common = context.find_root().params
    config, token_file = common.get("config"), common.get("token_file")
    session = CommandSession(
        None if config is None else Path(config),
        common.get("database"),
        server=common.get("url"),
        token_file=None if token_file is None else Path(token_file),
    )
    # A message would appear in the middle of the command line.
    names = read_quietly(session, ask) or []
    return [name for name in names if plain.fullmatch(name)][:MAX_COMPLETED_SUBJECTS]
