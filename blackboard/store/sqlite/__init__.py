"""A board in an SQLite file: who has the file open, who may write to it, its queries and its upkeep.

The database:

sqlite_database            the database in a file: its connections and transactions
sqlite_transaction         a transaction that runs each statement on the driver's cursor
sqlite_writing_connection  the connection of a process that writes, and its turn among the processes
sqlite_file                the file of a board: whether it exists, is still the opened one, and who may use it
replaced_file_guard        closes connections when the file was replaced, or its log was removed
open_files                 the connections to the file, and other libraries and processes that have it open
local_processes            the processes on the board: locks, and notifications of commits

The queries that users write in SQL:

sqlite_user_queries     the queries of programs, in this process
readonly_query_process  one query of a person, in a process that can only read and is stopped after a time
readonly_query_script   the script of that process

Its upkeep:

sqlite_upkeep   the upkeep of the board
sqlite_health   measurements of the file, its log and its permissions
sqlite_backups  backups that can be restored
compaction      rewrites the file without the remains of deleted rows
"""
