"""The commands that operate a board.

run_command          run
daemon_signals       the signals of `run`
serve_command        serve
token_commands       token
status_command       status
activation_commands  activation, retry, discard, wake
outbox_commands      outbox
cost_commands        costs, record-cost
"""
