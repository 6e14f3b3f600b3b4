"""The results that the board returns: frozen dataclasses with aware datetimes.

mark_results            receipts of deposits, marks as read, and their events
work_results            the agenda, activations, model calls, schedules and costs
remote_work_results     activations that remote workers have claimed, and the states of their runs
status_results          the state of the board, of its workers and of its agents
message_results         messages to people outside
explanation_results     why an agent wakes or waits
administration_results  tokens, deployments, backups, erasure and compaction
preview_results         what a deployment would change
status_texts            what people read about the clock and about needs that wait
row_conversion          results from rows, with aware datetimes
"""
