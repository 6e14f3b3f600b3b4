"""The base class of the methods of a board: the session, and the author who signs."""

from __future__ import annotations

from blackboard.board.board_session import BoardSession
from blackboard.store.schema.schema_upgrades import SchemaChange


class BoardHandle:
    """The session of a board, and the name that signs what a program does there.

    Args:
        session: The transactions of the board.
        author: The author of what is deposited through this handle.
    """

    def __init__(self, session: BoardSession, author: str) -> None:
        self.session = session
        """The transactions of the board, for the modules of the board and for tests."""
        self.author = author
        """The name that signs the deposits of this handle."""
        self.database = session.database
        """The database behind the board, for the same readers."""
        self.clock = session.clock
        """The source of time."""
        self.schema_change: SchemaChange | None = session.schema_change
        """The change of the schema when the board was opened; None if there was none."""
