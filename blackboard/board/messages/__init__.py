"""Messages to people outside.

creation  writes each message in the transaction of its cause
delivery  the delivery of messages, and acts of people on them
"""
