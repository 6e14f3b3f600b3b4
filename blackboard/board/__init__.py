"""The board: its entry points, and everything that happens inside its transactions.

The entry points:

facade                the class `Blackboard`, the facade for programs
interface             the methods of `Blackboard`, by subject
daemon_work           the work of a daemon on a board
message_delivery      leases of messages to the processes that deliver them, and messages that time alone causes
file_deployment       deployment of what a file says
user_queries          queries in SQL that people and programs write
page_readings         what the pages of the server show beyond the methods of `Blackboard`
board_storage         storage of a board: writable or not, durability, partitions, up-to-date views, and deletion
board_addresses       what a URL or a path says about its board before it is opened
backups_and_copies    backups and their return, and a board that moves to another database
known_classes         the mark classes that this process knows, for commands, tools and daemons
deposited_files       files whose rows are deposited: withdrawal of loaded files, and positions in followed files
program_preloading    loads all modules and statements at the start of a long-running process
diagnosis             finds everything that can be wrong with a board, and the remedy

Acts on the board:

deployments           makes a deployment active, and shows what it would change
reading               the reading side, for people and programs
explanations          the reasons why an agent has or has not woken
remote_work           the work of remote agents: claims, leases and ends of runs
operator_actions      pauses, early wakes, retries, discards and recorded costs
housekeeping          work for the board itself: old history, erasure, the full-text index, and the file
deposit_transactions  the transactions of deposits, of one item or of many
activations           claims, results, model calls and budgets
credentials           tokens of programs, and secrets of the programs that serve the board
need_answers          the answers to questions of agents, and what follows when a question is due

Below them:

board_session         the transactions of one board, each at one instant, and listeners to their commits
board_clock           the board's time, and the question to a person about a clock that leapt ahead
mark_changes          deposits, reinforcements, withdrawals and evaporation of marks, and what follows from them
deployment_effects    what a new deployment changes for agents, watches, kinds and marks
watches               watches: the marks that count for them, and their crossings
open_needs            questions of agents: which are open, and who may answer them
provenance            the agents behind a mark, through the inputs of their activations
work_tables           the rows of crossings, activations, their inputs, agents and backfills
search_index          the index for the search by text, and searches in it
outbox                messages to people outside, as they are written, and what people do with them
worker_registry       the workers on the board, and the agents that they serve
mark_classes          the mark classes that this process knows, and checks of payloads
mark_tables           the rows of marks, their states, and the marks of a scope, with a tag, or in a window
activity_log          the record of what agents, people and programs did
transactions          one transaction, and what every transaction reads
error_names           the stable names of errors, for a server and its client
keyword_arguments     the keyword arguments of the methods with two forms
result_types          the results that the board returns

Three pairs are apart because deposits use one part, and the other part makes deposits or uses `activations`:
`open_needs` and `need_answers`, `outbox` and `message_delivery`, `deployment_effects` and `deployments`.
`deposit_transactions` is apart from `mark_changes`: it begins transactions, and the modules of `mark_changes` work
inside one.
"""

from blackboard.board.facade import Blackboard
from blackboard.board.result_types.mark_results import MarkRecord, Receipt
from blackboard.core.marks.deposit_requests import Deposit

__all__ = ["Blackboard", "Deposit", "MarkRecord", "Receipt"]
