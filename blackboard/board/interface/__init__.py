"""The methods of `Blackboard`, by subject. They hold no rule: each calls the module that does the work.

board_handle            what all methods share: the session and the author
keyword_arguments       the keyword arguments of methods with two forms
deposit_methods         deposits, reinforcements and withdrawals
reading_methods         marks, their history, and the streams of events
work_methods            status, figures, costs, agents, the agenda, schedules and activations
query_methods           queries that programs write
people_methods          needs, pauses, early wakes, and work that failed
remote_work_methods     the claims, leases and ends of remote agents
outbox_methods          messages to people outside
administration_methods  the deployment, tokens, and the erasure of data
"""
