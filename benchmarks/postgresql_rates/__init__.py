"""Rates of a board on PostgreSQL, beside bare loops and other systems on the same database server.

The measurements:

deposit_rates      deposits by several processes, far from the server, and in bulk
daemon_rates       activations a second, how soon daemons hear of a deposit, and their statements at rest
read_rates         the strongest marks of very many, in Python and through the view
maintenance_rates  work on very many marks together: evaporation and a change of law
other_systems      the rates of other systems on the same server

What they use:

measured_server  the database server of the run, and the boards on it
bare_loop        a process that commits bare rows, one at a time
board_loop       a process that makes deposits, one at a time
daemon_process   a daemon in a process of its own
process_groups   processes that do the same at the same time, for some seconds
delaying_proxy   a proxy that adds a round trip's time, and counts statements
processor_time   the processor time of processes and sessions
"""
