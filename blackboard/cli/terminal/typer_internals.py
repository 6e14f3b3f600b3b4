"""The parts of typer that the command line uses and typer does not document. Other modules import them from here.

A later version may change or remove them. docs/dependencies.md says what the command line then does.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_group

__all__ = ["TyperArgument", "TyperCommand", "TyperException", "TyperGroup", "get_group", "set_metavar"]

_NUMBERS = frozenset({int, float})


def set_metavar(param: Any) -> Any:
    """Set the word that the help shows for the value of a parameter, such as KIND; return the parameter.

    Otherwise typer shows Python's types, such as `<str>`. With a version of typer that lacks the attribute
    `type_descriptor`, the help shows Python's types.
    """
    value_type = getattr(param, "type_descriptor", None)
    if isinstance(param, TyperArgument) or param.is_flag:
        param.display_type_rich = lambda ctx: ""
    elif param.metavar is None and value_type is not None and not value_type.is_choice:
        param.metavar = "N" if value_type.annotation in _NUMBERS else str(param.name).upper()
    return param
