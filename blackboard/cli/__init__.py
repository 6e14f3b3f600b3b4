"""The command line: parses arguments, calls the board, prints results.

The parts that all commands share:

entry_point           sets up the process, and runs the command
app                   the commands by group: `GROUPS` names the module of each
cli_session           the board and the deployment of a command
command_documents     what commands print as JSON, if the server has no operation for them
optional_board_reads  reads of a board that only help a person
completion            completes names in a shell
terminal              the output of commands
row_files             the rows that `load` deposits from a file

The commands, by their groups in the help:

everyday_commands   deposit and load marks, and read the board
operating_commands  run and serve, and what an operator sees and does
agent_commands      the work of remote agents, and the connection of coding agents
data_commands       backup, restore, copy, forget, compact
setup_commands      new, init, demo, check, test

`app` imports the module of a command when it is needed. At the top, such a module imports what the help and every run
of its commands need. The functions import what takes long to load, such as the board, the presentation and the client.
So the help and a completion start quickly.
"""

from blackboard.cli.entry_point import main

__all__ = ["main"]
