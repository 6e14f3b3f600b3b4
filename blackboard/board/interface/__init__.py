"""The methods of `Blackboard`, by subject. They hold no rule: each calls the module that does the work.

A method imports the module that does its work only when it is called. So a process loads only the modules that it
uses, and a command starts quickly.

board_handle            what all methods share: the session and the author
deposit_methods         deposits, reinforcements and withdrawals
reading_methods         marks, their history, the streams of events, and queries that programs write
status_methods          status, figures, costs, agents, the agenda, schedules and activations
need_methods            needs, and the decisions that answer them
remote_work_methods     the claims, leases and ends of remote agents
operator_methods        pauses, early wakes, failed work, and messages to people outside
administration_methods  the deployment, tokens, and the erasure of data
"""
