"""The records of model calls.

model_calls   the records of model calls, so that no answer is paid for twice
answer_spool  model answers that could not be stored, in files
budgets       money and calls that were spent and reserved, and whether a call fits
"""
