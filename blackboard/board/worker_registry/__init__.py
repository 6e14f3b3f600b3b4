"""The processes on a board.

registered_workers  the rows of workers
dead_workers        which registered workers are dead
served_agents       the agents that workers serve, and the code that they serve them with
"""
