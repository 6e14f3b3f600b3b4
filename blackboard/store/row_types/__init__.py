"""Named tuples for the rows of each table, and for the rows of queries that select other columns.

The first field of a query's row may be the whole row of a table.

column_types          the types of columns
columns_by_table      the columns of each table and view
board_row_types       the board: its state, processes, tokens, activity and messages
deployment_row_types  deployments, kinds, laws, and the work after a change
mark_row_types        marks, events, keys, tags, needs, windows and followed files
search_row_types      the full-text index
watch_row_types       watches: what they have absorbed, their sums, their states and their crossings
activation_row_types  activations, their inputs, and the pauses and cooldowns of agents
model_call_row_types  model calls, their cost, and the pauses of models
"""
