"""Registries of subclasses by the names that deployment files use."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TypeVar

from blackboard.errors import BlackboardError

C = TypeVar("C")


def register_by_name(
    registry: MutableMapping[str, type[C]], cls: type[C], error: type[BlackboardError], noun: str
) -> None:
    """Register a class under its own `name`, if it sets one.

    If a module is reloaded, its class replaces the former class of the same name.

    Raises:
        BlackboardError: The name is not an identifier, or another class has it. The class of the error is `error`.
    """
    if (name := cls.__dict__.get("name")) is None:
        return
    if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
        raise error(f"{cls.__qualname__}: the name of a {noun} must be an ASCII Python identifier, not {name!r}")
    known = registry.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise error(f"{cls.__qualname__}: there is already a {noun} {name!r}; choose another name")
    registry[name] = cls
