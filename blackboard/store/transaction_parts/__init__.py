"""The parts of a transaction that only a server has: their protocols.

event_partitions  the history in partitions
total_additions   additions to sums over the board that others may change meanwhile
"""
