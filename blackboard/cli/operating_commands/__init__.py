"""The commands that operate a board.

run_command          run
daemon_signals       the signals of `run`
serve_command        serve
token_commands       token
status_command       status
doctor_command       doctor
explain_command      explain
work_list_commands   agents, agenda, schedules, activations
activation_commands  activation, retry, discard, wake
pause_commands       pause, resume
outbox_commands      outbox
cost_commands        costs, record-cost
"""
