"""The processes on the board of a file.

sqlite_processes  locks and sockets in the run folder of the board
worker_liveness   which workers are alive: each holds a lock as proof
worker_sockets    the sockets that notify workers of commits: who sends, and who listens
write_listener    hears of every commit, by the writes to the log
write_lock        a fair write lock between the processes of one machine
"""
