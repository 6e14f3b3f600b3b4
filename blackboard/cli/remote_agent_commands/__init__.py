"""The commands for remote agents in a shell.

claim_commands  claim, heartbeat, finish, fail
hook_lock       the lock that lets one hook of a session wait for work
"""
