"""The board: one door (`Blackboard`), and behind it what happens inside its transactions."""

from blackboard.board.blackboard import Blackboard
from blackboard.board.deposits import Receipt
from blackboard.board.queries import MarkRecord

__all__ = ["Blackboard", "MarkRecord", "Receipt"]
