"""The command line: parses arguments, calls the board, prints results.

The parts that all commands share:

entry_point     sets up the process, and runs the command
app             the group of commands: `COMMANDS` names the module of each
cli_session     the board and the deployment of a command
completion      completes names in a shell
quiet_board     reads the board for help that may be left out
typed_command   the command as it was typed, for advice that a person can copy
daemon_signals  the signals of `run`
terminal        the output of commands
row_files       the rows that `load` deposits from a file

The commands:

mark_commands        init, deposit, reinforce, withdraw, answer, assign, pause, resume
inspect_commands     marks, history, agents and others that read the board
activity_command     activity
status_command       status
mcp_command          the board as tools for models
connect_command      connects a project of a coding agent to a board
hook_lock            the lock with which one hook of a session waits for work
claim_commands       the work of remote agents in a shell: claim, heartbeat, finish, fail
activation_commands  activation, retry, discard, wake
watch_command        watch
cost_commands        costs, record-cost
admin_commands       backup, restore, doctor, forget, compact
copy_command         copy
sql_command          sql
check_command        check
rules_command        test
run_command          run
serve_command        serve
token_commands       token
outbox_commands      outbox
demo_command         demo
demo_samples         the samples of the demo
load_command         load
new_command          new
"""

from blackboard.cli.entry_point import main

__all__ = ["main"]
