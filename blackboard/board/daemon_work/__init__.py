"""The work of a daemon on a board.

worker                a worker: its registration, the work that is due for it, and its claims
due_work              the work that is due on a board, and the instants when more will be due
remaining_work        the work that remains when a daemon ends, and whether it can finish by itself
run_end_transactions  the ends of a worker's runs
daemon_parts          the steps of model calls, and the lock of publishers
"""
