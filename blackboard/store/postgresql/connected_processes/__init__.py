"""The processes on a board on PostgreSQL.

postgresql_processes  which workers are alive, and how each process hears of commits
commit_notifications  sends notifications of commits, and listens for those of other processes
worker_locks          the locks that prove that workers are alive
advisory_locks        the locks that one process at a time holds
postgresql_clock      the clock of the database server, which all processes follow
"""
