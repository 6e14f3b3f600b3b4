"""The processes on the board of a server.

server_processes      which workers are alive, and how each process hears of commits
connection_liveness   a worker is alive while its connection holds an advisory lock
listening_connection  the connection that hears of commits and shows that a worker is alive
worker_locks          the locks of this process's workers, and those of dead workers
commit_announcer      announces the commits of a process to the listeners of others
server_clock          the clock of the server, which all processes follow
advisory_lock         a lock between the processes on a server
"""
