"""The file of an SQLite board: who has it open, who may write to it, its queries and its upkeep.

The database:

file_database     the database in a file: its connections and transactions
file_transaction  a transaction that runs each statement on the driver's cursor
file_place        whether the file exists, is still the opened one, and who may use it
file_writer       the connection of a process that writes, and its turn among the processes
file_guard        finds that the open file or its log has lost its path
file_queries      queries of people and programs with their own SQL, which only read
open_files        the connections to the file, and other libraries and processes that have it open
local_processes   the processes on the board: locks, and notifications of commits

Its upkeep:

file_upkeep  the upkeep of a board in a file
backup       backups that can be restored
compaction   rewrites the file without the remains of deleted rows
file_checks  measures the file, its log and its permissions
"""
