"""The commands of every day.

deposit_commands    deposit, reinforce, withdraw
load_command        load
load_options        the options of load
load_report         the report of load
mark_list_commands  marks, search, history
need_commands       inbox, answer, assign
activity_command    activity
watch_command       watch
sql_command         sql
"""
