"""The commands for the data of a board.

admin_commands  backup, restore, doctor, forget, compact
copy_command    copy
"""
