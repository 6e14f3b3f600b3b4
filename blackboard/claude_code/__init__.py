"""The connection of a project of Claude Code to a board: what `blackboard connect` writes, and takes back.

json_text         adds and removes parts of JSON files, and leaves the rest as it is written
wanted_entries    what each file of a project gets
project_changes   the changes that connect a project, or take a connection back
"""
