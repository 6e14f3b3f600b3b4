"""Activations: their claims and results, their model calls and budgets.

agent_readiness      pauses, cooldowns, concurrency and budgets: whether an agent may wake
claims               the lease of an activation for the strongest crossings of an agent
loop_detection       activations that keep waking each other
activation_results   success, failure, conflict and deferral of a run
activation_ends      the steps that every end of a run has in common
activation_splits    moves marks to activations of their own, to find the bad one
activation_recovery  activations whose workers died
activation_traces    the deposits that woke an agent as traces name them, and what a remote worker continues
remote_runs          the runs of remote agents: their claims, leases and ends
returned_actions     checks the items that an agent returned, before the transaction that applies them
agent_actions        applies the items that an agent returned, all or none
agent_decisions      the decision of an agent about a need, which closes the need
renewed_inputs       the marks of an activation that had a conflict, read again at its next claim
answer_blame         whether the marks or the model are to blame for an unusable answer
call_steps           the steps of a model call before its answer, each committed before the next
answer_spool         model answers that could not be stored, in files
model_calls          the records of model calls, so that no answer is paid for twice
model_pauses         a model that refuses everything gets one call at a time
batch_api_calls      the calls that go through the provider's Batch API
budgets              money and calls that were spent and reserved, and whether a call fits
quiescence           whether the remaining work cannot finish by itself
"""
