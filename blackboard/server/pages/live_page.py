"""The definition of a page: its address, its parameters, its content, and who may see it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import ConfigDict

from blackboard import Blackboard
from blackboard.server.access.redaction import Redaction
from blackboard.server.access.token_checks import Caller
from blackboard.server.pages.mark_counts import LiveCounts
from blackboard.server.request_handling.operation_definition import Fields


class PageFields(Fields):
    """The parameters of a page. An empty one is one that was not given, as forms send them."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Viewer:
    """Who sees a page.

    Attributes:
        caller: The holder of the token.
        redaction: Withholds what was said on the board.
    """

    caller: Caller
    redaction: Redaction

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


@dataclass(frozen=True)
class PageCall:
    """One request for a page.

    Attributes:
        board: The board.
        viewer: Who sees it.
        parameters: The parameters of the page.
        model: Which provider and model would answer if no daemon runs, in words.
        counts: The numbers of live marks.
    """

    board: Blackboard
    viewer: Viewer
    parameters: Any
    model: str
    counts: LiveCounts


@dataclass(frozen=True)
class PageContent:
    """What a page shows.

    Attributes:
        results: Results of the board. What the viewer may not see is withheld from them.
        settings: Texts and numbers of the deployment and of the program, which everybody may see.
        drawn: The results that scripts draw. If one is named `items`, each of its entries has an `id`.
        drawn_settings: The settings that scripts need to draw them, which everybody may see.
    """

    results: Mapping[str, object]
    settings: Mapping[str, object] = field(default_factory=dict)
    drawn: Mapping[str, object] | None = None
    drawn_settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class LivePage:
    """A page. Its template has its name.

    Attributes:
        name: Its name.
        path: Its path.
        title: Its title.
        read: Returns what it shows.
        parameters: The type of its parameters.
        about: What it shows, in a sentence for those who see it for the first time.
        scope: The scope that a token needs.
        withheld_if_redacted: Whether a token with `read-redacted` may not see it, because nothing would be left of it.
        parameters_withheld: Parameters that such a token may not use, because what is shown would confirm a guess.
        is_in_menu: Whether the menu has it.
    """

    name: str
    path: str
    title: str
    read: Callable[[PageCall], PageContent]
    parameters: type[PageFields] = PageFields
    about: str = ""
    scope: str = "read"
    withheld_if_redacted: bool = False
    parameters_withheld: tuple[str, ...] = ()
    is_in_menu: bool = True

    def is_for(self, viewer: Viewer) -> bool:
        """Return whether a viewer may see it."""
        if self.withheld_if_redacted and viewer.caller.is_redacted:
            return False
        return viewer.may(self.scope) or (self.scope == "read" and viewer.caller.is_redacted)


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
