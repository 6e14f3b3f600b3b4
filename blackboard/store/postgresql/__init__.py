"""A board on a PostgreSQL server: its transactions, its clock, its notifications, its locks and its backups.

The database:

postgresql_database      the database on PostgreSQL: its place, its connections and its transactions
postgresql_driver        opens connections to the database server
postgresql_user_queries  the queries that users write in SQL, which only read
pipelined_transactions   transactions whose statements cross the wire together
optimistic_transactions  transactions that read without a lock, and commits that check what was read
connected_processes      the processes on the board: advisory locks, notifications and the clock of the database server

Its commits:

postgresql_writing_connection  the connection of a process that writes, and the outcome of each of its commits
postgresql_commits             commits of the work of several threads, without the lock if that saves time
commit_record                  whether a commit without a response succeeded

Its upkeep:

postgresql_partitions  the history in partitions: their creation, and the events that stay when one is removed
postgresql_upkeep      the upkeep of the board
postgresql_health      measurements of the database server
postgresql_backups     backups by the programs of the database server
"""
