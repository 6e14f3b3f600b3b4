"""Requests that stay open until something happens: claims that wait for work, and streams of events.

claim_queue         claims that wait until there is work
open_event_streams  all event streams, with one reader of the board
event_stream_text   the text of one event stream
commit_signal       wakes a task of the event loop after commits
"""
