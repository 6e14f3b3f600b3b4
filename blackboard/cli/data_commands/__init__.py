"""The commands for the data of a board.

backup_commands  backup, restore
copy_command     copy
forget_command   forget
compact_command  compact
"""
