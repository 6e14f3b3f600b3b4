"""The rows of activations, of their inputs and of crossings, as the database has them.

activation_rows    inserts activations, and changes their state
activation_inputs  the marks that an activation is given, frozen at its claim
crossing_rows      inserts crossings, and ends them
"""
