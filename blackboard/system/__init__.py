"""Access to the operating system, the process and the network: files, forks, the log, and requests to webhooks.

files               files of a board and of the program: their owners, permissions and errors
forks               preparation and follow-up of forks of this process
log_queue           the log; writing a line neither blocks nor raises
error_descriptions  how the log names an error
encoding_detection  finds the encoding of a text
call_deadline       the end of a request at its time
outbound_addresses  connections to addresses that are public or allowed
unusable_versions   packages whose installed version lacks an undocumented part
media_types         the media types of requests and responses
webhook_requests    requests to webhooks, with signatures
tracing             spans, and the trace context that a deposit carries
callback_lists      functions that are called when something happens
failpoints          named places where tests can kill the process
"""
