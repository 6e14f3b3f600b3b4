"""The rows of work, as the database has them: crossings, activations, and the inputs of activations.

activation_rows    inserts activations, and changes their state
activation_inputs  the marks that an activation is given, frozen at its claim
crossing_rows      inserts crossings, and ends them
"""
