"""The processes on a board.

dead_workers   which registered workers are dead
served_agents  the agents that workers serve, and the code that they serve them with
"""
