"""The board: its three entrances, and everything that happens inside its transactions.

The entrances:

blackboard      the facade `Blackboard`, for programs
worker          the work of a daemon on a board
publish_lock    the lock between the processes that publish from one board
administration  acts of a person who maintains a board, such as backups

Acts of their own:

deposit_batches   deposits of many items, as many as one transaction takes
loaded_files      deposits by the file that they were loaded from
read_positions    how far a followed file has been deposited
call_steps        the steps of a model call before its answer, each committed before the next
answer_spool      model answers that could not be stored, in files
doctor            finds everything that can be wrong with a board, and the remedy
unreadable_marks  marks that no longer fit the class of their kind
retention         removes history past its retention time
search_purge      purges the full-text index of erased words
file_compaction   compacts the file, as an erasure requires
maintenance_work  the work of a worker for the board itself
maintenance_pace  the pauses of background work

Below them:

board_session    the transactions of one board, each at one instant
board_clock      the board's time
result_types     the results that the board returns
json_shapes      the shapes of results in JSON, for the command line and the server
deployments      makes a deployment active, and previews it
people           the decisions of people: needs, pauses, erasure
reading          the reading side, for people and programs
activations      claims, results, model calls and budgets
worker_registry  the processes on the board, and how they notify each other
mark_storage     marks: their deposits, their changes, and how they leave
registration     the kinds and agents of the board, and how marks follow their changes
watches          watches: the marks that count for them, and their crossings
transactions     one transaction, and the rows that it reads and writes
"""

from blackboard.board.blackboard import Blackboard
from blackboard.board.mark_storage.deposit_requests import Deposit
from blackboard.board.result_types import MarkRecord, Receipt

__all__ = ["Blackboard", "Deposit", "MarkRecord", "Receipt"]
