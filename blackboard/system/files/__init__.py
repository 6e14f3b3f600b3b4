"""Files: those of a board, of settings and of the program, with their owners, permissions and errors.

board_files      the files of a board, each by its name
private_files    files with exactly the permissions that they should have
private_folders  folders beside a board that no other user may enter
partial_files    files that get their names when they are complete
file_owners      the owners of files, and the users who can change them
file_failures    errors of files, each with a remedy
file_locks       locks of files that are not waited for
file_writes      the writes of other programs to a file
settings_text    text files of settings
packaged_files   the files that are shipped with the program
"""
