"""The board: one door (`Blackboard`), and behind it what happens inside its transactions."""

from blackboard.board.depositing import Receipt
from blackboard.board.door import Blackboard
from blackboard.board.looking import MarkView

__all__ = ["Blackboard", "MarkView", "Receipt"]
