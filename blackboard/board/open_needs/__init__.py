"""Needs, the questions of agents: which are open, when they are due, and who may answer them.

need_rows    the row of an open need: when it is due, and who may and should answer it
need_access  which agents a need wakes, and which may answer it
provenance   the agents in the chain of provenance of a mark, which decide who may answer
"""
