"""Requests that stay open until something happens: claims that wait for work, and streams of events.

claim_queue    claims that wait until there is work
commit_signal  a signal of commits for a task of the event loop
event_hub      one reader of the board for all event streams
stream_text    the text of one event stream
"""
