"""Work for the board itself: old history, erasure, the full-text index, and the file.

board_maintenance    the work of a worker for the board itself
background_throttle  the pauses of background work
retention            removes history past its retention time
history_partitions   creates and removes partitions of the history on PostgreSQL
erasure              erases everything about one subject
activation_erasure   erases the errors and the model calls of the activations about a subject
erased_events        shows whether an older copy would bring erased subjects back
board_copy           copies a whole board to an empty one
board_compaction     compacts the file and purges the full-text index, as an erasure requires
"""
