"""The store: tables, views, migrations, statements and transactions. It contains no rule of the board.

A database and its transactions:

database            the transactions of a database, which its threads share
database_factory    the database of a path or URL: a file or one on a server
database_url        the URL of a database, and SQLAlchemy's view of it
transaction         an open transaction, which runs statements
writing_connection  the writing connection of a process, and the transaction that is open on it
group_commit        lets several threads share a commit
batch_commits       commits the work of several threads in one transaction
commit_record       whether a commit on a server without an answer succeeded
reader_pool         idle reading connections, lent again
connection_uses     the threads that use a reading connection; a fork waits for them
read_limits         time limits of the reads of a thread
board_place         the file of a board, or its database on a server: the protocol
event_partitions    the history in partitions: the protocol
board_upkeep        backups, compaction and measurements of a board: the protocol
partial_files       files that get their names when they are complete
total_additions     additions to sums over the board that others may change meanwhile: the protocol
board_processes     which workers are alive, and how processes hear of the commits of others: the protocol
dialect             the differences between SQLite and PostgreSQL, by capability

The two kinds of database:

sqlite_dialect      SQLite: its SQL, its connections and its errors
sqlite_driver       the SQLite library of this process
postgresql_dialect  PostgreSQL, likewise

Its place:

board_file       a database in a file: who has it open, who may write to it, its queries and its upkeep
database_server  a database on a server, with the same parts, its clock and its notifications

Tables, views and statements:

rows               a named tuple for the rows of each table
tables             the tables, with their keys and indexes, from the row types
schema             the versions of the schema, its creation and its upgrades, by one process at a time
view_columns       the columns of the views, a documented contract
view_definitions   the texts of the views, and whether a board has the views of this version
statements         the statements of each file in `sql/`
statement_file     reads a file of statements
sql_composition    composes a statement from fragments, optional parts and parameters
table_copy         copies all tables of a board to an empty one
live_marks         the statements that compute strengths by the formulas of the decay laws
tag_filters        filters of statements by tags
full_text_queries  queries in the languages of both databases for words
query_rows         the rows of statements that select something other than whole rows

Queries of people:

readonly  one query in a process that can only read, and access for programs with their own SQL
"""
