"""The processes on a board.

liveness         which workers are alive: each holds a lock as proof
server_liveness  the same on a server
served_agents    the agents that workers serve, and the code that they serve them with
gone_agents      the work of agents that the deployment no longer has
notifier         notifies the daemons of a board after a commit
commit_listener  hears of commits in other processes, for a process that waits for work or reads along
worker_sockets   the sockets that notify workers
"""
