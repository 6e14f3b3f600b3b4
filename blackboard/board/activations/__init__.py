"""Activations: their claims, their model calls and their ends.

call_records      the stored records and answers of model calls, and the budget that they use
run_ends          the ends of a run: what its agent returned, failure, conflict, deferral, and the death of its worker
agent_claims      which agent may wake, and the lease of an activation for its crossings
model_pauses      a model that refuses everything gets one call at a time
unusable_answers  whether the marks or the model caused an unusable answer
"""
