"""Access to the operating system, the process and the network: files, forks, the log, and requests to webhooks.

board_files      the files of a board, each by its name
private_files    files with exactly the permissions that they should have
partial_files    files that get their names when they are complete
file_owners      the owners of files, and the users who can change them
settings_text    text files of settings
packaged_files   the files that are shipped with the program
private_folders  folders beside a board that no other user may enter
file_failures    errors of files, each with a remedy
file_locks       locks of files that are not waited for
forks            preparation and follow-up of forks of this process
file_writes      the writes of other programs to a file

log_queue           the log; writing a line neither blocks nor raises
error_descriptions  how the log names an error
text_encodings      the encodings of text
call_deadline       the end of a request at its time
outbound_addresses  connections to addresses that are public or allowed
media_types         the media types of requests and answers
webhook_requests    requests to webhooks, with signatures
tracing             spans, and the trace context that a deposit carries
callback_lists      functions that are called when something happens
failpoints          named places where tests can kill the process
"""
