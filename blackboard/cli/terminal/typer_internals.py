"""The parts of typer that the command line uses and typer does not document. Other modules import them from here.

A later version may change or remove them. docs/dependencies.md says what the command line then does.
"""

from __future__ import annotations

from typing import Any

from blackboard.system.unusable_versions import undocumented_parts

with undocumented_parts("typer"):
    from typer.core import TyperArgument, TyperCommand, TyperGroup
    from typer.main import get_group

__all__ = [
    "TyperArgument",
    "TyperCommand",
    "TyperGroup",
    "get_group",
    "is_about_arguments",
    "name_wrong_value",
    "set_metavar",
]

_NUMBERS = frozenset({int, float})


def is_about_arguments(error: Exception) -> bool:
    """Return whether typer raised an error about arguments. Before version 0.27.3, typer does not export its class."""
    return hasattr(error, "format_message")


def name_wrong_value(error: Exception) -> None:
    """Let typer's error about the value of an argument name the value, without the words of pydantic's parser."""
    from pydantic import ValidationError

    from blackboard.core.validation_problems import problem_text

    if isinstance(error.__cause__, ValidationError):
        problem = error.__cause__.errors(include_url=False)[0]
        text = problem_text(problem)
        # The message of a validator, such as that of a choice, names the value.
        message = text if problem["type"] == "value_error" else f"{text}, not {problem['input']!r}"
        vars(error)["message"] = message


def set_metavar(param: Any) -> Any:
    """Set the word that the help shows for the value of a parameter, such as KIND; return the parameter.

    If no word is set, typer shows Python's types, such as `<str>`. With a version of typer that lacks the attribute
    `type_descriptor`, the help shows Python's types.
    """
    value_type = getattr(param, "type_descriptor", None)
    if isinstance(param, TyperArgument) or param.is_flag:
        param.display_type_rich = lambda ctx: ""
    elif param.metavar is None and value_type is not None and not value_type.is_choice:
        param.metavar = "N" if value_type.annotation in _NUMBERS else str(param.name).upper()
    return param
