"""Activations: their claims, their model calls and their ends.

call_records        the stored records and answers of model calls, and the budget that they use
quarantine_needs    the question to a person whether quarantined work continues
run_ends            the ends of a run: what its agent returned, failure, conflict, deferral, and the death of its worker
agent_claims        which agent may wake, and the lease of an activation for its crossings
call_handling       the steps of a model call, and what follows if the model refuses or its answer is unusable
activation_erasure  erases the errors and the model calls of the activations about a subject
quiescence          whether the remaining work cannot finish by itself
"""
