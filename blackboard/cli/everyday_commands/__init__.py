"""The commands of every day.

mark_commands     init, deposit, reinforce, withdraw, answer, assign, pause, resume
load_command      load
inspect_commands  marks, history, agents and others that read the board
activity_command  activity
watch_command     watch
sql_command       sql
"""
