"""The processes on a board: which are alive, which agents they serve, and how they notify each other."""
