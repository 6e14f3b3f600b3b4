"""Deposits of many items, and of files.

deposit_batches  deposits of many items, as many as one transaction takes
loaded_files     the deposits of a loaded file, which can be withdrawn together
read_positions   how far a followed file has been deposited
"""
