"""What people decide on a board.

needs    the inbox of a person: needs and answers
pauses   pauses of agents and of the board
erasure  erases everything that was said about one subject
"""
