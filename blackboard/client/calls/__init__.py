"""The calls of clients, by subject: each is a generator of requests, which both clients can carry out.

deposit_calls        the calls that deposit marks
mark_change_calls    the calls that withdraw, reinforce and erase marks
reading_calls        the calls that read marks, subjects, their history and kinds
agenda_calls         the calls on the agenda, agents, activations and costs
claim_calls          the calls of workers of remote agents
outbox_calls         the calls on messages to people outside
read_position_calls  the calls on the positions of followed files
need_calls           the calls on needs
status_calls         the calls on the state of the board: its activity, its deployments, what `doctor` finds
query_calls          queries in SQL
board_events         what happens on the board, as a stream that is resumed
"""
