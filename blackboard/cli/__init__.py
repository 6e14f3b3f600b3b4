"""The command line: parses arguments, calls the board, prints results.

What all commands share:

entry_point       sets up the process, and runs the command
app               the group of commands: `COMMANDS` names the module of each
help_layout       the help of the group, by what commands are for
completion        completes names in a shell
typed_command     the command as it was typed, for advice that a person can copy
cli_session       the board and the deployment of a command
output            prints results: tables, JSON, errors
table_layout      tables as text of a given width
log_setup         how log lines look
standard_streams  standard input and output that are closed, full or not text
signals           the signals of `run`
stop_signals      SIGINT and SIGTERM for a command that waits for a file

The commands:

mark_commands       init, deposit, reinforce, withdraw, answer, pause, resume
inspect_commands    marks, history, status and others that read the board
activation_command  activation
watch_command       watch
cost_commands       costs, record-cost
admin_commands      backup, restore, doctor, forget, compact
sql_command         sql
check_command       check
rules_command       test
run_command         run
demo_command        demo
demo_samples        the samples of the demo
load_command        load
new_command         new

The rows of `load`:

input_text     the text of an input, in its encoding
row_reader     rows from CSV, JSON and JSON Lines
json_paths     values inside a row of JSON
row_options    what the user says about the rows
row_mapping    which column becomes which part of a mark
row_deposits   deposits rows, and counts them
rejects_file   the refused rows, in a file
row_follower   deposits the rows of a file that grows
followed_file  such a file: whether it was replaced or cut
line_stream    lines as they arrive
"""

from blackboard.cli.entry_point import main

__all__ = ["main"]
