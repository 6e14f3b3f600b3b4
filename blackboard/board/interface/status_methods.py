"""The methods of a board that read its state as a whole: status, figures and costs."""

from __future__ import annotations

from blackboard.board.interface.board_handle import BoardHandle
from blackboard.board.reading import board_figures, board_status
from blackboard.board.reading.board_figures import BoardFigures, FiguresPosition
from blackboard.board.result_types import BoardStatus, CostRow


class StatusMethods(BoardHandle):
    """The state of the board as a whole."""

    def status(self) -> BoardStatus:
        """Return the state of the board."""
        sizes, dead = self.database.place.sizes(), self.session.dead_workers()
        return self.session.read(lambda txn: board_status.status(txn, dead, **sizes))

    def figures(self, after: FiguresPosition | None = None) -> BoardFigures:
        """Return the figures of the board for a monitor. They contain no text of a depositor.

        Args:
            after: The position of earlier figures; `happened` counts what happened after them.
        """
        sizes, dead = self.database.place.sizes(), self.session.dead_workers()
        return self.session.read(lambda txn: board_figures.figures(txn, after, dead, **sizes))

    def costs(self, days: int = 30) -> list[CostRow]:
        """Return the cost of model calls by day and agent.

        Args:
            days: The number of days (UTC) up to today.
        """
        return self.session.read(lambda txn: board_status.costs(txn, days))
