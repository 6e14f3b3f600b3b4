"""Messages to people outside, each written in the transaction of its cause.

message_causes  the messages, by their causes
outbox          writes a message for each sink of its topic
"""
