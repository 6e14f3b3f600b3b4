"""Marks on the board: their kinds, deposits, laws and values, and how they follow a new deployment."""
