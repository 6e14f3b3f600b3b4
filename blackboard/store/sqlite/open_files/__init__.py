"""Processes and libraries that have the file of a board open.

log_guarded_connection  the connections to the file, and the log that each has open
second_library_guard    keeps a second SQLite library from opening the file
inherited_files         files that the parent of this process still had open when it forked
shared_lock_script      the script of a process that holds a shared lock, as a reader does
"""
