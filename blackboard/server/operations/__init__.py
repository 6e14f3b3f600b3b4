"""The operations of the server, by subject as the calls of the client, and the table that lists them all.

operation_table               the table of all operations
deposit_operations            the operations that deposit marks
bulk_deposits                 deposits in bulk, a line of JSON for each
mark_operations               marks: their list and search, their changes, subjects with their histories, and kinds
agents_and_agenda_operations  agents, with their pauses, and the agenda
activation_operations         activations and their costs
claim_operations              claims of remote workers, and the ends of their runs
need_operations               needs: the inbox, answers, decisions and assignments
outbox_operations             messages to people outside
board_operations              the state of the board, its activity, pause and deployments, SQL and erasure
file_position_operations      the positions of files that are followed elsewhere
event_operations              the stream of what happens on the board
"""
