"""How fast the board is, how flat it stays as it grows, and how near that is to what SQLite itself can do.

Every ratio is taken in one run on one machine, with the two sides of it in turn. Nothing here is a timed test.
"""
