"""The definition of a page: its address, its parameters, and its content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict

from blackboard import Blackboard
from blackboard.server.pages.mark_counts import LiveCounts
from blackboard.server.pages.page_viewer import Viewer
from blackboard.server.request_handling.operation_definition import Fields


class PageFields(Fields):
    """The parameters of a page. An empty parameter counts as not given, because forms send empty fields."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class PageCall:
    """One request for a page."""

    board: Blackboard
    """The board."""
    viewer: Viewer
    """Who sees it."""
    parameters: Any
    """The parameters of the page."""
    model: str
    """Which provider and model would answer if no daemon runs, in words."""
    counts: LiveCounts
    """The numbers of live marks."""


@dataclass(frozen=True)
class PageContent:
    """What a page shows."""

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
    read: Callable[[PageCall], PageContent]
    """Returns what it shows."""
    parameters: type[PageFields] = PageFields
    """The type of its parameters."""
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

    def is_for(self, viewer: Viewer) -> bool:
        """Return whether a viewer may see it."""
        if self.withheld_if_redacted and viewer.caller.is_redacted:
            return False
        return viewer.may(self.scope) or (self.scope == "read" and viewer.caller.is_redacted)
