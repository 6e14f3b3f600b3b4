"""Event streams: what happens on the board, sent to clients as it happens.

commit_signal  a signal of commits for a task of the event loop
event_hub      one reader of the board for all event streams
stream_writer  the text of one event stream
"""
