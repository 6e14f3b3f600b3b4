"""The command that an error suggests: what the user typed, with further options."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import typer

from blackboard.cli.terminal.typer_internals import TyperArgument


def suggest_command(context: typer.Context, more: Sequence[str]) -> str:
    """Return the command of a context as the user typed it, with further options."""
    words = ["blackboard"]
    for level in (*([context.parent] if context.parent is not None else []), context):
        if level is context:
            words.append(str(context.info_name))
        for parameter in level.command.params:
            source = level.get_parameter_source(parameter.name or "")
            if source is None or source.name != "COMMANDLINE":
                continue
            words += _words_of(parameter, level.params[parameter.name or ""])
    return shlex.join([*words, *more])


def _words_of(parameter: Any, value: Any) -> Iterator[str]:
    """Yield the words that give a parameter its value."""
    if isinstance(parameter, TyperArgument):
        yield str(value)
    elif isinstance(value, bool):
        if value:
            yield parameter.opts[0]
    else:
        name = max(parameter.opts, key=len)
        for item in value if isinstance(value, list | tuple) else [value]:
            yield from (name, str(item))
