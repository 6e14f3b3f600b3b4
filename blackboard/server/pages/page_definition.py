"""The definition of a page: its address and parameters, who sees it, and its content."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from functools import cache, cached_property
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from pydantic import ConfigDict

from blackboard import Blackboard
from blackboard.board import page_readings
from blackboard.durations import MILLISECOND, Duration
from blackboard.server.access.response_redaction import Redaction
from blackboard.server.access.token_checks import Caller
from blackboard.server.api_framework.operation_definition import Fields

ParametersT = TypeVar("ParametersT", covariant=True)

QUICK_COUNT_TIME: Duration = 20 * MILLISECOND
"""If counting the marks takes at most this time, they are counted for each rendering."""
COUNTS_REUSE_FACTOR = 20
"""If counting takes longer, the counts are reused for this many times as long as it took."""
_SCALARS = frozenset({str, int, float, bool, type(None), datetime})


@dataclass(frozen=True)
class Viewer:
    """The viewer of a page."""

    caller: Caller
    """The holder of the token."""
    redaction: Redaction
    """Withholds the texts of the board from viewers who may not read them."""

    @property
    def rights(self) -> tuple[str, ...]:
        """What the viewer may do. Viewers with equal rights see the same page."""
        return tuple(sorted(self.caller.token.scopes))

    def may(self, verb: str) -> bool:
        """Return whether the token allows something."""
        return self.caller.scopes.allow(verb)

    def visible_part(self, value: object) -> Any:
        """Return a result as objects, lists, texts, numbers and times, without what the viewer may not see."""
        return self.redaction(value) if self.caller.is_redacted else _plain(value)


class LiveCounts:
    """The numbers of live marks of one board. On a very large board, marks are counted less often than pages change.

    All methods are thread-safe.

    Args:
        board: The board that the server serves.
    """

    def __init__(self, board: Blackboard) -> None:
        self._board, self._lock = board, threading.Lock()
        self._counts: Mapping[str, int] = {}
        self._until = 0

    def now(self) -> Mapping[str, int]:
        """Return the number of live marks of each kind that has any."""
        clock = self._board.clock
        with self._lock:
            began = clock.monotonic()
            if began >= self._until:
                self._counts = page_readings.live_counts(self._board)
                ended = clock.monotonic()
                self._until = ended + COUNTS_REUSE_FACTOR * (ended - began) if ended - began > QUICK_COUNT_TIME else 0
            return self._counts


class PageFields(Fields):
    """The parameters of a page. An empty parameter counts as not given, because forms send empty fields."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class PageCall(Generic[ParametersT]):
    """One request for a page, with the type of its parameters."""

    board: Blackboard
    """The board."""
    viewer: Viewer
    """Who sees it."""
    parameters: ParametersT
    """The parameters of the page."""
    model: str
    """The provider and the model that a daemon would use, as text."""
    counts: LiveCounts
    """The numbers of live marks."""


@dataclass(frozen=True)
class PageContent:
    """The content of a page."""

    results: Mapping[str, object]
    """Results of the board. What the viewer may not see is withheld from them."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Texts and numbers of the deployment and of the program, which everybody may see."""
    drawn: Mapping[str, object] | None = None
    """The results that scripts draw. If one is named `items`, each of its entries has an `id`."""
    drawn_settings: Mapping[str, object] = field(default_factory=dict)
    """The settings that scripts need to draw them, which everybody may see."""


@dataclass(frozen=True)
class LivePage:
    """A page. Its template has its name."""

    name: str
    """Its name."""
    path: str
    """Its path."""
    title: str
    """Its title."""
    _: KW_ONLY
    read: Callable[[PageCall[Any]], PageContent]
    """Returns what it shows. The annotation `PageCall[Parameters]` says what its parameters are."""
    about: str = ""
    """What it shows, in a sentence for people who see it for the first time."""
    scope: str = "read"
    """The scope that a token needs."""
    withheld_if_redacted: bool = False
    """Whether the page is refused to a token with `read-redacted`, because all of the page would be hidden."""
    parameters_withheld: tuple[str, ...] = ()
    """Parameters that a token with `read-redacted` may not use: the page could confirm a guess of a hidden text."""
    is_in_menu: bool = True
    """Whether the menu has a link to it."""

    @cached_property
    def parameters(self) -> type[PageFields]:
        """The type of its parameters."""
        found: type[PageFields]
        [found] = get_args(get_type_hints(self.read)["call"])
        return found

    def is_for(self, viewer: Viewer) -> bool:
        """Return whether a viewer may see it."""
        if self.withheld_if_redacted and viewer.caller.is_redacted:
            return False
        return viewer.may(self.scope) or (self.scope == "read" and viewer.caller.is_redacted)


@cache
def _fields_of(kind: object) -> tuple[str, ...] | None:
    """Return the names of the fields of a dataclass; None for another type."""
    return tuple(item.name for item in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


def _plain(value: Any) -> Any:
    """Return a value as plain dictionaries, lists and scalars.

    Its speed matters, because a page of hundreds of marks is made four times a second.
    """
    kind: type = type(value)
    if kind in _SCALARS:
        return value
    if (names := _fields_of(kind)) is not None:
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    return value
