"""The performance benchmark: the speed of the board, its growth with board size, and its ratio to bare SQLite.

Both sides of a ratio are measured alternately in one run on one machine. No test depends on these times.
"""
