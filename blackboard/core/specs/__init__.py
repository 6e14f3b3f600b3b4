"""The deployment of a board as immutable data: kinds, agents with their watches, trust and budget.

deployment       all of it, in one version
agent_spec       agents: their watches, their settings and their limits
watch_spec       watches: their conditions, their guards and their settings
kind_spec        kinds
sink_spec        receivers of messages outside the board, and the topics of each
spec_base_class  their base class: immutable, with a text of the fields that differ

The board stores them. They contain no functions, so any process that deposits can test all thresholds.
"""
