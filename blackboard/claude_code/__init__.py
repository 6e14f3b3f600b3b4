"""The connection of a project of Claude Code to a board, which `blackboard connect` writes and removes.

project_files      reads and writes the texts of a project
json_text          adds and removes parts of JSON files, and keeps all other characters
project_entries    the entries for each file of a project
connection_record  the record of what was written
project_changes    the changes that connect a project, or remove a connection
"""
