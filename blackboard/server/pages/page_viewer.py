"""The person who sees a page, and the texts that the page withholds from this person."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from blackboard.server.access.redaction import Redaction
from blackboard.server.access.token_checks import Caller


@dataclass(frozen=True)
class Viewer:
    """The viewer of a page."""

    caller: Caller
    """The holder of the token."""
    redaction: Redaction
    """Withholds what was said on the board."""

    @property
    def rights(self) -> tuple[str, ...]:
        """What it may do. Viewers with equal rights see the same."""
        return tuple(sorted(self.caller.token.scopes))

    def may(self, verb: str) -> bool:
        """Return whether the token allows something."""
        return self.caller.scopes.allow(verb)

    def shown(self, value: object) -> Any:
        """Return a result as objects, lists, texts, numbers and times, without what the viewer may not see."""
        return self.redaction(value) if self.caller.is_redacted else _plain(value)


SCALARS = frozenset({str, int, float, bool, type(None), datetime})


@cache
def _fields_of(kind: object) -> tuple[str, ...] | None:
    """Return the names of the fields of a dataclass; None for another type."""
    return tuple(item.name for item in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


def _plain(value: Any) -> Any:
    """Return a value as dictionaries, lists and what is in them.

    Its speed matters, because a page of hundreds of marks is made four times a second.
    """
    kind: type = type(value)
    if kind in SCALARS:
        return value
    if (names := _fields_of(kind)) is not None:
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    return value
