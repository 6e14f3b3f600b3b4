"""The ids of rows, which are positive."""

MAX_ID = 2**63 - 1
"""The largest id that a database can hold."""
