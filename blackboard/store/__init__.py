"""The store: tables, views, migrations, statements and transactions. It contains no rule of the board.

What other packages use:

database          the transactions of a database, which its threads share
database_factory  the database of a path or URL: a file or one on a server
transaction       an open transaction, which runs statements
statements        the statements of each file in `sql/`
rows              a named tuple for the rows of each table
query_rows        the rows of statements that select something other than whole rows
view_columns      the columns of the views, a documented contract
live_marks        the statements for live marks, with the formulas of the decay laws
tag_filters       filters of statements by tags
schema            tables, views, and the creation and the upgrades of both

What both kinds of database share:

dialects           the differences between SQLite and PostgreSQL
statement_file     reads a file of statements
sql_composition    composes a statement from fragments, optional parts and parameters
like_patterns      patterns of LIKE, which the statements take
connections        the URL of a database, its reading connections, and a process for one query
commits            work of several threads in one commit
transaction_parts  the protocols of the parts that not every transaction has
database_parts     the protocols of the parts of a database that differ between a file and a server

The two kinds of database:

board_file       a database in a file: who has it open, who may write to it, its queries and its upkeep
database_server  a database on a server, with the same parts, its clock and its notifications
"""
