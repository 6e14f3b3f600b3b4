"""The decisions of people on a board.

needs               the inbox of a person: needs and answers
pauses              pauses of agents and of the board
failed_activations  tries an activation again, or gives it up
erasure             erases everything about one subject
"""
