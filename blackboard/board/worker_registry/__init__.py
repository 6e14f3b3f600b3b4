"""The processes on a board.

registered_workers  the rows of workers
served_agents       the agents that workers serve, and the code that they serve them with
"""
