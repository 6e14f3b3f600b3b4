"""The delivery of messages to people outside.

message_leases   the leases of messages, the results of attempts, and messages that time alone causes
outbox_messages  the messages in the outbox, and acts of people on them
"""
