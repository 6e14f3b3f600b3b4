"""The partitions of the history of a board on a server.

partition_ranges  the partitions of the table of events, by ranges of ids
partition_tables  the names and the rights of their tables
carried_events    the events that stay when a partition is removed
"""
