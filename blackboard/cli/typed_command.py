"""The command line as it was typed, for advice that a person can copy."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import typer


def typed_command(context: typer.Context, more: Sequence[str]) -> str:
    """Return the command line of a context with further options."""
    words = ["blackboard"]
    for level in (*([context.parent] if context.parent is not None else []), context):
        if level is context:
            words.append(str(context.info_name))
        for parameter in level.command.params:
            source = level.get_parameter_source(parameter.name or "")
            if source is None or source.name != "COMMANDLINE":
                continue
            value = level.params[parameter.name or ""]
            if parameter.param_type_name == "argument":
                words.append(str(value))
            elif isinstance(value, bool):
                words += [parameter.opts[0]] if value else []
            else:
                name = max(parameter.opts, key=len)
                for item in value if isinstance(value, list | tuple) else [value]:
                    words += [name, str(item)]
    return shlex.join([*words, *more])
