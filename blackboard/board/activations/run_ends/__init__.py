"""The ends of the runs of activations.

agent_action_checks  checks the actions that an agent returned, before the transaction that applies them
agent_actions        applies these deposits, reinforcements and withdrawals, all or none
activation_results   success, failure, conflict and deferral of a run
run_end_steps        the steps that ends of runs have in common
activation_splits    moves marks to activations of their own, to find the bad one
activation_recovery  activations whose workers died
"""
