"""The commits of a process on a server.

server_writer       the connection of a process that writes, and the outcome of each of its commits
server_commits      commits of the work of several threads, without the lock or under it
optimistic_commits  commits of work whose rules run without the lock
commit_record       whether a commit without an answer succeeded
"""
