"""The commands for remote agents and coding agents.

claim_commands   the work of remote agents in a shell: claim, heartbeat, finish, fail
hook_lock        the lock that lets one hook of a session wait for work
connect_command  connects a project of a coding agent to a board
mcp_command      the board as tools for models
"""
