"""The terminal: the output of commands, and the signals that stop them.

output             prints results: tables, JSON, errors
table_layout       tables as text of a given width
progress_bar       bars that show the progress of a long command
help_layout        the help of the group, with commands by purpose
log_setup          the format of log lines
typer_internals    the parts of typer that are not documented
suggested_command  the command that an error suggests
standard_streams   standard input and output that are closed, full or not text
process_signals    signals that stop a command, and that stop or reload a daemon
"""
