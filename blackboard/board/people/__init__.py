"""What people decide on a board: needs, pauses and erasure."""
