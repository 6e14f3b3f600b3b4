"""A database on a server: its transactions, its clock, its notifications, its locks and its backups.

The database:

server_database      the database on a server: its connections and transactions
server_place         the place of a board on a server
server_queries       queries of people and programs with their own SQL, which only read
server_transactions  transactions whose statements cross the wire together, under the lock or without it
connected_processes  the processes on the board: advisory locks, notifications and the clock of the server

Its commits:

server_writer       the connection of a process that writes, and the outcome of each of its commits
server_commits      commits of the work of several threads, without the lock or under it
optimistic_commits  commits of work whose rules run without the lock
commit_record       whether a commit without a response succeeded

The partitions of the history:

server_partitions  the partitions of the table of events, by ranges of ids
partition_tables   the names and the rights of their tables
carried_events     the events that stay when a partition is removed

Its upkeep:

server_upkeep  the upkeep of the board; much of it is the server's own work
dump_backups   backups by the programs of the server
server_checks  measurements of the server: its clock, its durability, a pooler before it
"""
