"""The delivery of messages to people outside: by webhooks, by mail and by commands.

message_deliverer  sends what is due, in one thread for each sink
message_formats    a message as text, as a webhook, and as a mail
webhook_sink       delivers by a POST
mail_sink          delivers by SMTP
command_sink       delivers to a program
"""
