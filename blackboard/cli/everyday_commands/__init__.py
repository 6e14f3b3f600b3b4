"""The commands of every day.

deposit_commands    init, deposit, reinforce, withdraw
people_commands     inbox, answer, assign, pause, resume
load_command        load
mark_list_commands  marks, search, history
work_list_commands  agents, agenda, schedules, activations, explain
activity_command    activity
watch_command       watch
sql_command         sql
"""
