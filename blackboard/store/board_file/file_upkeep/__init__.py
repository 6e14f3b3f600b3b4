"""The upkeep of the file of an SQLite board.

file_board_upkeep  the upkeep of a board in a file, as the protocol has it
backup             copies of a board in use, and their restoration
compaction         writes the file anew, without unused pages
database_checks    measurements of the engine, the file, its log and its permissions
"""
