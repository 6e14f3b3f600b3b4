"""The ends of the runs of activations.

item_checks          checks what an agent returned, before the transaction that applies it
agent_actions        applies these marks, reinforcements, withdrawals and decisions, all or none
activation_results   success, failure, conflict and deferral of a run
end_steps            the steps that every end of a run has in common
activation_splits    moves marks to activations of their own, to find the bad one
activation_recovery  activations whose workers died
quarantine_needs     the question to a person whether quarantined work continues
"""
