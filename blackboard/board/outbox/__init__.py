"""The outbox: messages to people outside, each written in the transaction of its cause, and what people do with them.

announcements          the messages, one function for each cause
message_rows           writes a message for each sink of its topic
outbox_administration  lists messages, and lets people send one again or give it up
"""
