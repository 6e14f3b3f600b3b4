"""Values in the rows and results of a board: states, kinds of events, columns of views, and findings.

states             the states of activations, crossings, model calls and messages, and the APIs of calls
event_kinds        the kinds of events in the activity and in the history of marks
query_result_rows  the parameters, rows and result of a query that a program or a person writes
view_columns       the columns of the views that people query, a documented contract
finding            one result of a diagnosis
backfill_targets   the task of a backfill, and its kind or watch
"""
