"""Deposits of many items, and of files.

deposit_batches  deposits of many items, as many as one transaction takes
deposit_sources  deposits by the file that they were loaded from
read_positions   how far a followed file has been deposited
"""
