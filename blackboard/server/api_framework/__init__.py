"""The framework of all operations: their definition, the call that a request makes, and the response to its result.

operation_definition  what an operation is: its path, its parameters, its scope and its response
call_builder          makes the call of an operation from a request, if its sender may make it
request_parsing       reads the parameters and the body of a request
response_encoding     responses as they are sent: pages, entity tags and redaction
"""
