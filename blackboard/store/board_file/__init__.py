"""The file of an SQLite board: who has it open, who may write to it, its queries and its upkeep.

file_database        the database in a file: its connections and transactions
file_writer          the connection of a process that writes, and its turn among the processes
file_guard           finds that the open file or its log has lost its path
file_access          queries of people and programs with their own SQL, which only read
file_upkeep          backups, compaction and checks of the file
database_file        whether the file exists, is still the opened one, and who may use it
board_connection     the connections to the file, and the log that each has open
file_processes       the processes on the board: locks and sockets in its run folder
worker_liveness      which workers are alive: each holds a lock as proof
worker_sockets       the sockets that notify workers
worker_notifier      notifies the daemons of a board after a commit
write_listener       hears of every commit, by the writes to the log
library_guard        keeps a second SQLite library from opening the file
inherited_files      files that the parent of this process still had open when it forked
write_lock           a fair write lock between the processes of one machine
shared_lock_process  the script of a process that holds a shared lock, as a reader does
"""
