"""The handling of model calls: what happens before a call, and after an answer that cannot be used.

call_steps        the steps of a model call before its answer, each committed before the next
call_outcomes     the outcomes of model calls: their answers, and the pauses that refusals begin
model_pauses      a model that refuses everything gets one call at a time
unusable_answers  whether the marks or the model caused an unusable answer
batch_api_steps   the steps of the batches of the Batch API
batch_api_calls   the calls that go through the provider's Batch API
"""
