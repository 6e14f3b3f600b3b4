"""The board: one door (`Blackboard`), and behind it what happens inside its transactions."""

from blackboard.board.blackboard import Blackboard
from blackboard.board.deposits import Receipt
from blackboard.board.queries import MarkView

__all__ = ["Blackboard", "MarkView", "Receipt"]
