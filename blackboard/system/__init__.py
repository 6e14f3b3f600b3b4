"""What the program asks of the operating system and of the process that it is in: files, forks and its log.

board_files     the files of a board, each by its name
private_files   files with exactly the permissions that they should have
file_owners     who owns a file, and who can change it
settings_text   text files of settings
packaged_files  the files that are shipped with the program
forks           what happens when this process forks

log_queue           the log; writing a line neither blocks nor raises
error_descriptions  how the log names an error
text_encodings      the encodings of text
listeners           functions that are called when something happens
failpoints          named places at which tests can kill the process
"""
