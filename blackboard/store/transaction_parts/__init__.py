"""The parts that not every transaction has: their protocols.

questions_ahead   questions that are asked before their answers are needed, on a server
event_partitions  the history in partitions, on a server
total_additions   additions to sums over the board that others may change meanwhile, on a server
deleted_content   what deletions leave in a file
"""
