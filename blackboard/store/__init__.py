"""The store: tables, views, migrations, statements and transactions. It contains no rule of the board.

A database and its transactions:

database         the connections, transactions and write lock of a database
database_url     the URL of a database, and SQLAlchemy's view of it
transaction      an open transaction, which runs statements
group_commit     the work of several threads in one transaction
commit_record    whether a commit on a server without an answer succeeded
write_lock       a fair write lock between the processes of one machine
reader_pool      idle reading connections, lent again
connection_uses  the threads that use a reading connection; a fork waits for them
dialect          the differences between SQLite and PostgreSQL, by capability

The two kinds of database:

sqlite_dialect      SQLite: its SQL, its connections and its errors
sqlite_driver       the SQLite library of this process
postgresql_dialect  PostgreSQL, likewise

A database on a server:

server_clock      the clock of the server, which all processes follow
server_listener   the connection that hears of commits and shows that a worker is alive
commit_announcer  announces commits to other processes
server_lock       a lock between the processes on a server
server_backup     backups by the programs of the server
server_checks     measurements of the server: its clock, its durability, a pooler before it

The file of an SQLite board:

database_file        whether the file exists, is still the opened one, and who may use it
board_connection     the connections to the file, and the log that each has open
library_guard        keeps a second SQLite library from opening the file
inherited_files      files that the parent of this process still had open when it forked
file_failures        errors of the files, each with a remedy
database_checks      measurements of the engine, the file, its log and its permissions
backup               copies of a board in use, and their restoration
compaction           writes the file anew, without unused pages
shared_lock_process  the script of a process that holds a shared lock, as a reader does

Tables, views and statements:

rows              a named tuple for the rows of each table
tables            the tables, with their keys and indexes, from the row types
schema            the creation and upgrades of the schema, by one process at a time
schema_versions   the versions of the schema, oldest first
view_columns      the columns of the views, a documented contract
view_definitions  the texts of the views, and whether a board has those of this version
statements        the statements of each file in `sql/`
statement_file    reads a file of statements
sql_composition   composes a statement from fragments, optional parts and parameters
table_copy        copies all tables of a board to an empty one
live_marks        the statements that compute strengths by the formulas of the decay laws
tag_filters       filters of statements by tags
query_rows        the rows of statements that select something other than whole rows

Queries of people:

readonly_query          one query, in a process that can only read and is stopped after a time
readonly_query_process  the script of that process
readonly_access         access to a board for programs with their own SQL
"""
