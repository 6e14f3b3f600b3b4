"""Calls of a language model: planned as canonical text, sent once, and parsed as untrusted input.

model_settings        the provider, the model, and the source of the key
answer_schema         the JSON schema of an answer's pydantic model, as the API accepts it
model_request         a call as canonical text, its largest size and its highest cost
prices                the dated price table, and the cost of a call in whole micro-dollars
model_client          the interface of a client
anthropic_client      the client of Anthropic's API; it alone imports `anthropic`, at the first call
batch_api_texts       the texts of the Batch API: the body of a batch, its state and its results
answer_parser         the raw answer, its metadata, and its parsing into a pydantic model
provider_http_client  the HTTP client behind the SDK of the provider: headers and limits
call_failures         the failures that give no usable answer
error_responses       which failure an error response of the API means
storable_texts        texts of the API in a form that can be stored
"""
