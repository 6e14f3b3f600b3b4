"""The actions of a person who operates a board.

pauses              pauses of agents and of the board
early_wakes         ends a batch window and a cooldown
failed_activations  tries an activation again, or gives it up
"""
