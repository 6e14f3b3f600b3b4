"""The messages of the protocol, its errors, and who sends them.

sbp_fields    what the parameters of the protocol share
sbp_callers   who sends a request: the holder of a token, or a program on this machine
rpc_messages  reads the messages of JSON-RPC
sbp_errors    errors as the protocol reports them
"""
