"""Files and processes: what the program asks of the operating system.

board_files     the files of a board, each by its name
private_files   files with exactly the permissions that they should have
file_owners     who owns a file, and who can change it
settings_text   text files of settings
packaged_files  the files that are shipped with the program
forks           what happens when this process forks
"""
