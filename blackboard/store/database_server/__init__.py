"""A database on a server: its transactions, its clock, its notifications, its locks and its backups.

server_database  the database on a server: its connections and transactions
server_place     the place of a board on a server
server_queries   queries of people and programs with their own SQL, which only read
transactions     transactions whose statements cross the wire together
optimistic       transactions that read without a lock, and commit if nothing has changed
commits          commits without the lock or under it, and the outcome of each
partitions       the partitions of the history
processes        the processes on the board: advisory locks, notifications and the clock of the server
upkeep           the upkeep of a board on a server
"""
