"""The ends of the runs of activations.

returned_item_checks  checks what an agent returned, before the transaction that applies it
returned_items        applies these marks, reinforcements, withdrawals and decisions, all or none
activation_results    success, failure, conflict and deferral of a run
run_end_steps         the steps that ends of runs have in common
activation_splits     moves marks to activations of their own, to find the bad one
activation_recovery   activations whose workers died
"""
