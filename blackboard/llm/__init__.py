"""Calls of a language model: planned as frozen text, sent once, parsed without trust.

model_settings   the provider, the model, and the source of the key
answer_schema    the JSON schema of an answer's pydantic model, as the API accepts it
request          a call as canonical text, its largest size and its highest cost
prices           the dated price table, and the cost of a call in whole micro-dollars
client_protocol  the interface of a client
client           the client of Anthropic's API, the only importer of `anthropic`, which it imports at the first call
message_batches  the texts of the Message Batches API
reply            the raw answer, its metadata, and its parsing into a pydantic model
failures         every way in which a call can give no usable answer
"""
