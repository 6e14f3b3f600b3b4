"""The decisions of people on a board.

needs               the inbox of a person: needs and answers
pauses              pauses of agents and of the board
early_wakes         ends a batch window and a cooldown
failed_activations  tries an activation again, or gives it up
erasure             erases everything about one subject
outbox_messages     the messages in the outbox, and acts of people on them
message_delivery    the delivery of messages: leases, results, and messages that time alone causes
access_tokens       tokens of programs that use the board over HTTP
"""
