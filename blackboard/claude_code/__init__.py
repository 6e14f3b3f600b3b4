"""The connection of a project of Claude Code to a board: what `blackboard connect` writes, and takes back.

project_files      reads and writes the texts of a project
json_text          adds and removes parts of JSON files, and leaves the rest as it is written
project_entries    what each file of a project gets
connection_record  the record of what was written
project_changes    the changes that connect a project, or take a connection back
"""
