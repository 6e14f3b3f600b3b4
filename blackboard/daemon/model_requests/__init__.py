"""The model calls of a daemon.

model_access     the calls of its agents, the answers to them, and the Batch API
model_caller     plans, sends and answers a call, step by step
answer_recorder  commits each answer with its cost before it is parsed
batch_api        submits calls together
"""
