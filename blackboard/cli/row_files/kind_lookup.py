"""The kinds of a board or of a server: they say how rows become marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from blackboard.board import Blackboard
from blackboard.board.json_shapes import spec_of
from blackboard.core.deployment import Deployment
from blackboard.core.marks.mark_model import normalize_subject

if TYPE_CHECKING:
    from blackboard.client import Client


class KindLookup:
    """The kinds of a board, as they are now.

    Attributes:
        deployment: The deployment; of a board behind a server, only its kinds.
    """

    def __init__(self, board: Blackboard | Client) -> None:
        self._classes = board.classes if isinstance(board, Blackboard) else None
        if isinstance(board, Blackboard):
            self.deployment = board.deployment
        else:
            self.deployment = Deployment(kinds={shape.name: spec_of(shape) for shape in board.kinds()})

    def load(self, kind: str) -> None:
        """Look for the class of a kind that is given by its name."""
        if self._classes is not None:
            self._classes.load({kind})

    def stored_subject(self, kind: str, payload: Mapping[str, Any], subject: str) -> str:
        """Return a subject as it would be stored. A server does not say how the class of a kind changes it."""
        if self._classes is None:
            return normalize_subject(subject)
        return self._classes.stored_subject(kind, payload, subject, self.deployment)
