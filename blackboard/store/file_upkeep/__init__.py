"""The upkeep of the file of an SQLite board.

backup           copies of a board in use, and their restoration
compaction       writes the file anew, without unused pages
database_checks  measurements of the engine, the file, its log and its permissions
"""
