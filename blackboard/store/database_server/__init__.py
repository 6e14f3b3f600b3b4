"""A database on a server: its transactions, its clock, its notifications, its locks and its backups.

server_database          the database on a server: its connections and transactions
server_writer            the connection of a process that writes, and the outcome of each of its commits
server_commits           commits of the work of several threads, without the lock or under it
server_transaction       a transaction whose statements cross the wire together
optimistic_commits       commits of work whose rules run without the lock
optimistic_transaction   a transaction that reads without a lock, and commits if nothing has changed
one_message_transaction  a transaction that also asks nothing, and takes the answers that its process remembers
remembered_answers       the answers that a process remembers
checked_statement        the statement that checks what was read, and writes
kept_totals              additions to the sums over the board in such a statement
row_sets                 rows that a transaction inserts together, table by table
kept_answers             the answers to questions that a transaction asked ahead
statement_pipeline       the statements that wait on a connection, and their answers
server_partitions        the partitions of the table of events, by ranges of ids
partition_tables         the names and the rights of the tables of partitions
carried_events           the events that stay when a partition is removed
server_processes         the processes on the board: advisory locks and notifications
server_liveness          which workers are alive: each holds an advisory lock
server_clock             the clock of the server, which all processes follow
commit_announcer         announces the commits of a process to the listeners of others
listening_connection     the connection that hears of commits and shows that a worker is alive
server_place             the place of a board on a server
server_access            queries of people and programs with their own SQL, which only read
server_upkeep            the upkeep of a board on a server
server_backup            backups by the programs of the server
server_lock              a lock between the processes on a server
server_checks            measurements of the server: its clock, its durability, a pooler before it
"""
