"""The schema of a board: its tables and views, their creation and their upgrades.

tables            the tables, with their keys and indexes, from the row types
schema_views      the texts of the views, which are rewritten if those of a board differ
schema_revisions  the revisions of the schema, and the revision of a board
schema_upgrades   the creation and the upgrades of the schema, by one process at a time
database_copy     copies all tables of a board to an empty one
"""
