"""The commands that operate a board.

run_command                 run
serve_command               serve, and the server inside `run` and `demo`
token_commands              token
status_command              status
doctor_command              doctor
explain_command             explain
agents_and_agenda_commands  agents, agenda, schedules
activation_commands         activations, activation, retry, discard
pause_and_wake_commands     pause, resume, wake
outbox_commands             outbox
cost_commands               costs, record-cost
"""
