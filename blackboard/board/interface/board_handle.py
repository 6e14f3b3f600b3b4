"""What all methods of a board share."""

from __future__ import annotations

from blackboard.board.board_session import BoardSession
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.store.schema.schema_upgrades import SchemaChange


class BoardHandle:
    """The session of a board, and the name that signs what a program does there.

    Args:
        session: The transactions of the board.
        author: The author of what is deposited through this handle.
    """

    def __init__(self, session: BoardSession, author: str) -> None:
        self.session, self.author = session, author
        self.database, self.clock = session.database, session.clock
        self.classes: MarkClasses = session.classes
        """The mark classes that this process knows."""
        self.schema_change: SchemaChange | None = session.schema_change
