"""The common parts of operations: how one is defined, how a request is read, and how its response is encoded.

operation_definition  what an operation is: its path, its parameters, its scope and its response
request_reading       reads the parameters and the body of a request
request_calls         the calls that requests make, and checks of their senders
encoded_responses     responses as they are sent: pages, entity tags and redaction
"""
