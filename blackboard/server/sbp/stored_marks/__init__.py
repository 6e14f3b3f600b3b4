"""Pheromones and traces as marks of the board, and what conditions measure there.

traces              inscribes, reads and erases traces
board_observations  what conditions measure, read from the board
pheromones          emits, sniffs and evaporates pheromones
sbp_marks           the kinds of marks that the protocol uses
"""
