"""One transaction of a board, and what every transaction reads and writes.

board_transaction     the transaction: its instant, its deployment, and the changes that it collects for its end
active_deployment     the deployment as transactions use it: its watches by kind and agent
registered_watch      a watch of this deployment, with what follows from its condition and its agent
planned_backfills     the backfills that are planned
known_rows            rows that a transaction knows, because it has read them together
stored_laws           the decay laws that marks refer to
row_columns           columns that are written together, as keyword arguments
mark_rows             the rows of marks, and the events that record their changes
mark_states           the states of stored marks: under the laws of the deployment, with their strengths and tags
shown_payloads        what a mark shows after a deposit
activity_log          records what agents, people and programs did
pauses_and_cooldowns  pauses, cooldowns and failures in a row of agents
"""
