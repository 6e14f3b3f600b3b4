"""The work of a daemon on a board. The daemon uses these modules, and nothing below them.

worker                   a worker: its registration, the work that is due for it, and its claims
due_work                 the work that is due on a board, and the instants when more will be due
remaining_work           the work that remains when a daemon ends, and whether it can finish by itself
run_end_transactions     the ends of a worker's runs
model_call_transactions  model calls: planned, reserved, answered or ended, and the pauses of models
batch_api_transactions   the model calls of the Batch API
"""
