"""The parts that not every transaction has: their protocols.

prefetched_reads   reads that are sent before their results are needed, on a server
event_partitions  the history in partitions, on a server
total_additions   additions to sums over the board that others may change meanwhile, on a server
deleted_content   what deletions leave in a file
"""
