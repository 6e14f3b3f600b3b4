"""The commands for coding agents.

connect_command  connects a project of a coding agent to a board
mcp_command      the board as tools for models
"""
