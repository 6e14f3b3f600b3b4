"""The messages to people outside as they are written.

message_causes  the messages, by their causes
outbox          writes a message for each sink of its topic
"""
