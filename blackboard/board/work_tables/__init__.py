"""The rows of work, as the database has them: crossings, activations with their inputs, agents and backfills.

activation_rows    inserts activations, and changes their state
activation_inputs  the marks that an activation is given, frozen at its claim
crossing_rows      inserts crossings, and ends them
agent_states       pauses, cooldowns and failures in a row of agents
backfill_rows      plans backfills, continues them and ends them
"""
