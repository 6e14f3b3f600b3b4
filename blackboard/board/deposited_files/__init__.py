"""Files whose rows are deposited: what the board stores about them.

loaded_files    the names of loaded files, and the withdrawal of all deposits of a file
read_positions  how far each followed file has been deposited
"""
