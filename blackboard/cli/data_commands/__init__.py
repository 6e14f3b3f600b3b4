"""The commands for the data of a board.

backup_commands  backup, restore
copy_command     copy
forget_command   forget
erasure_output   what forget and restore print about an erasure
compact_command  compact
"""
