"""One transaction of a board, and the rows of agents and activations that it reads and writes."""
