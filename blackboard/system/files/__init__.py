"""The files of a board, of settings and of the program, with their owners, permissions and errors.

board_files     the files of a board, each by its name
private_files   files and folders with exactly the permissions that they should have
partial_files   files that get their names when they are complete
file_owners     the owners of files, and the users who can change them
file_errors     errors of files, each with a remedy
file_locks      locks of files that are not waited for
settings_files  text files of settings
packaged_files  the files that are shipped with the program
"""
