"""Rates of a board on a PostgreSQL server, beside bare loops and other systems on the same server.

bare_loop: a process that commits bare rows, one at a time board_loop: a process that makes deposits, one at a time
daemon_process: a daemon in a process of its own delaying_proxy: a proxy that adds a round trip's time, and counts
statements measured_server: the server of the run, and the boards on it process_groups: processes that do the same at
the same time, for some seconds processor_time: the processor time of processes and sessions depositing, working,
reading, maintaining, other_systems: the measurements
"""
