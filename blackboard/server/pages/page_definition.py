"""The definition of a page: its address, its parameters, and its content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from pydantic import ConfigDict

from blackboard import Blackboard
from blackboard.server.pages.mark_counts import LiveCounts
from blackboard.server.pages.page_viewer import Viewer
from blackboard.server.request_handling.operation_definition import Fields

ParametersT = TypeVar("ParametersT", covariant=True)


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
    """Which provider and model would answer if no daemon runs, in words."""
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
    """Whether a token with `read-redacted` may not see it, because nothing would be left of it."""
    parameters_withheld: tuple[str, ...] = ()
    """Parameters that such a token may not use, because what is shown would confirm a guess."""
    is_in_menu: bool = True
    """Whether the menu has it."""

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
