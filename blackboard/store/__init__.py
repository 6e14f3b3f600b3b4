"""The store: tables, views, migrations, statements and transactions. It contains no rule of the board.

What other packages use:

database               the transactions of a database, which its threads share
database_factory       the database of a path or URL: a file or one on PostgreSQL
database_interfaces    the abstract classes of what a file and PostgreSQL do differently
transaction            an open transaction, which runs statements
unit_of_work_hints     what a unit of work says about itself, to save time on PostgreSQL
event_partitions       the history in partitions, in a transaction on PostgreSQL
watch_total_additions  additions to sums over the board that others may change meanwhile, on PostgreSQL
statements             the statements of each file in `sql/`
statement_file         reads a file of statements, and the class of a statement
live_mark_statements   the statements for live marks, with the formulas of the decay laws
tag_and_text_filters   the filters of statements by tags and by a part of a text
row_types              a named tuple for the rows of each table, and of queries that select something else
schema                 tables, views, and the creation and the upgrades of both
dialects               the differences between SQLite and PostgreSQL, such as their languages for searches

What both kinds of database share:

sql_composition  composes a statement from fragments, optional parts and parameters
connections      the connections of a process to a database, and the commits that its threads share

The two kinds of database:

sqlite      a board in a file: who has it open, who may write to it, its queries and its upkeep
postgresql  a board on PostgreSQL, with the same parts, its clock and its notifications
"""
