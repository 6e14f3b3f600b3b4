"""The steps of model calls, before and after their answers.

call_steps       the steps of a model call before its answer, each committed before the next
call_outcomes    the outcomes of model calls: their answers, and the pauses that refusals begin
batch_api_steps  the steps of the batches of the Batch API
batch_api_calls  the calls that go through the provider's Batch API
"""
