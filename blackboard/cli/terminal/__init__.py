"""The terminal: what commands print there, and how they are stopped.

output            prints results: tables, JSON, errors
table_layout      tables as text of a given width
help_layout       the help of the group, by what commands are for
log_setup         how log lines look
standard_streams  standard input and output that are closed, full or not text
stop_signals      SIGINT and SIGTERM for a command that waits for a file
"""
