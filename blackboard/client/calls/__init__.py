"""The calls of clients, by subject as the operations of the server: each is a generator of requests.

deposit_calls            the calls that deposit marks
mark_calls               marks: their list and search, their changes, subjects with their histories, and kinds
agents_and_agenda_calls  agents and the agenda, and the pause of an agent or of the board
activation_calls         activations and their costs
claim_calls              claims of remote workers, and the ends of their runs
need_calls               needs: the inbox, answers, decisions and assignments
outbox_calls             messages to people outside
board_calls              the state of the board, its activity, its deployments, SQL and erasure
read_position_calls      the positions of followed files
event_calls              the stream of what happens on the board, which is resumed after a failure
"""
