"""The handling of model calls: what happens before a call, and after an answer that cannot be used.

call_steps        the steps of a model call before its answer, each committed before the next
model_pauses      a model that refuses everything gets one call at a time
unusable_answers  whether the marks or the model caused an unusable answer
batch_api_calls   the calls that go through the provider's Batch API
"""
