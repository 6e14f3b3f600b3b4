"""The upkeep of the file of a board.

file_upkeep  the upkeep of a board in a file
backup       backups that can be restored
compaction   rewrites the file without the remains of deleted rows
file_checks  measures the file, its log and its permissions
"""
