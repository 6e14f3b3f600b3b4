"""One transaction of a board, and the rows of agents and activations that it reads and writes.

board_transaction  the transaction: its instant, its deployment, and its caches
scope_marks        the marks of a subject, of a group or of the board
mark_rows          the rows of marks, and the events that record their changes
active_deployment  the deployment as transactions use it: watches by kind and agent
planned_backfills  the backfills that are planned
rows_read_ahead    rows that a transaction reads together, before it needs them
stored_laws        the decay laws that marks refer to
agent_state        pauses, cooldowns and failures in a row of agents
activation_rows    inserts activations and crossings, and changes their state
activity_log       what agents, people and programs did
activation_inputs  the marks that an activation absorbs or reads, frozen at its claim
strongest_marks    the strongest live marks of a kind
shown_payloads     what a mark shows after a deposit
provenance         the agents in the chain of provenance of a mark
outbox             messages to people outside, each written in the transaction of its cause
message_causes     the messages to people outside, by their causes
search_documents   the documents of the full-text index
running_sums       the sums behind the totals of watches over the board or groups
added_sums         what a transaction without a lock adds to these sums
filtered_marks     the marks that pass a filter by their tags
watch_scopes       the scope in which a watch measures a mark
window_events      the deposits in the windows of conditions
"""
