"""The decisions of people on a board.

inbox               the inbox of a person: needs and answers
pauses              pauses of agents and of the board
early_wakes         ends a batch window and a cooldown
failed_activations  tries an activation again, or gives it up
"""
