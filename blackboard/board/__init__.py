"""The board: the facade `Blackboard`, and what happens inside its transactions."""

from blackboard.board.blackboard import Blackboard
from blackboard.board.mark_storage.deposits import Deposit
from blackboard.board.result_types import MarkRecord, Receipt

__all__ = ["Blackboard", "Deposit", "MarkRecord", "Receipt"]
