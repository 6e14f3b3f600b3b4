"""Messages to people outside: their delivery, and acts of people on them.

outbox_messages  the messages in the outbox, and acts of people on them
message_leases   the leases of messages, the results of attempts, and messages that time alone causes

Each message is written in the transaction of its cause, by the modules `outbox` and `message_causes` of
`board/transactions`.
"""
