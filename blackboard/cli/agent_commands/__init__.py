"""The commands for agents that run outside the daemon: remote agents in a shell, and coding agents.

claim_commands   claim, heartbeat, finish, fail
connect_command  connects a project of a coding agent to a board
mcp_command      the board as tools for models
"""
