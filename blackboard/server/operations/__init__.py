"""The operations of the server, and the table that lists them all.

operation_table           the table of all operations
deposit_operations        the operations that deposit marks
bulk_deposits             deposits in bulk, a line of JSON for each
mark_operations           live marks, subjects and kinds
search_operation          the search of marks by their text
agent_operations          the agenda and agents
activation_operations     activations and their costs
claim_operations          claims of remote workers, and the ends of their runs
board_operations          needs, the state of the board, its deployments, SQL and erasure
outbox_operations         messages to people outside
read_position_operations  the positions of files that are followed elsewhere
event_operation           the choices of a client of the event stream
"""
