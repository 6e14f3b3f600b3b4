"""The connection of a project of Claude Code to a board, which `blackboard connect` writes and removes.

project_connection  the entries that connect a project, and the record of what was written
project_changes     the changes that connect a project, or remove a connection
project_files       reads and writes the texts of a project
json_edits          adds and removes parts of JSON files, and keeps all other characters
"""
