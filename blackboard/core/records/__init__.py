"""Values that rows and results have beside those of marks.

states          the states of activations, crossings and model calls
call_apis       the APIs through which models are called
history_events  the events in the history of marks
activity_kinds  the kinds of entries in the activity of a board
micro_dollars   money as whole numbers, and US dollars
query_values    the parameters and rows of a query that a program writes
finding         one result of a diagnosis
reading_limits  the limits of what one request may read
record_ids      the range of ids
"""
