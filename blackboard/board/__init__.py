"""The board: the facade `Blackboard`, and what happens inside its transactions."""

from blackboard.board.blackboard import Blackboard
from blackboard.board.deposit_requests import Deposit
from blackboard.board.results import MarkRecord, Receipt

__all__ = ["Blackboard", "Deposit", "MarkRecord", "Receipt"]
