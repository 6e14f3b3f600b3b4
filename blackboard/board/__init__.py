"""The board: its three entrances, and what happens inside its transactions.

The entrances:

blackboard      the facade `Blackboard`, for programs
worker          the work of a daemon on a board
administration  what a person does to keep a board, such as backups

Acts of their own:

deposit_batches   deposits of many items, as many as one transaction takes
loaded_files      deposits by the file that they were loaded from
read_positions    how far a followed file has been deposited
call_steps        the steps of a model call before its answer, each committed before the next
answer_spool      model answers that could not be stored, in files
doctor            everything that can be wrong with a board, and what to do about it
unreadable_marks  marks that do not fit the class of their kind any longer
retention         removes history that is older than it is kept
file_compaction   compacts the file, as an erasure requires
maintenance_work  what a worker does for the board itself
maintenance_pace  the pauses of background work

Below them:

board_session    the transactions of one board, each at one instant
board_clock      the board's time
result_types     what the board returns
deployments      makes a deployment active, and previews it
people           what people decide: needs, pauses, erasure
reading          what people and programs read
activations      claims, results, model calls and budgets
worker_registry  the processes on the board, and how they notify each other
mark_storage     marks: their deposits, their changes, and how they leave
registration     the kinds and agents of the board, and how marks follow their changes
watches          watches: what counts for them, and when they cross
transactions     one transaction, and the rows that it reads and writes
"""

from blackboard.board.blackboard import Blackboard
from blackboard.board.mark_storage.deposit_requests import Deposit
from blackboard.board.result_types import MarkRecord, Receipt

__all__ = ["Blackboard", "Deposit", "MarkRecord", "Receipt"]
