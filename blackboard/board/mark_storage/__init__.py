"""Marks on the board: their kinds, deposits and values, and how they follow a new deployment.

Kinds:

mark_class_registry  the mark classes that this process knows
declarations         registers agents and kinds as a program declares them
payload_schema       checks a payload where the class of its kind is out of reach

Marks:

deposit_requests  what is to be deposited, as plain data
deposits          the deposit of a mark, with all that follows in the same transaction
deposit_keys      the key of a deposit, which stands for its first request
deposit_limits    what a deposit may contain
unique_values     which live mark holds which value of a unique field
added_strength    the reinforcement of a mark without a deposit
mark_lookup       a live mark, up to date for a change of it
departures        the ways a mark leaves the live board: evaporation and withdrawal
open_needs        when a need is due, and who should answer it
overdue_needs     the mark of the board for each need that is due

Marks after a new deployment. `deployments` decides which deployment is active:

redeployment  the changes of the deployment, each one recorded event
backfill      adapts live marks to a change, in bounded batches
"""
