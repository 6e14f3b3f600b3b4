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
        about: What it shows, in a sentence for people who see it for the first time.
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
