"""Hosts that share a board on a PostgreSQL server: their processes are killed, and their links to it are cut.

planned_marks    what each depositor deposits
host_agents      the kinds and agents of the board
host_roles       what the processes of a host do
host_links       the links between hosts and server, which can be cut
cable_links      the same for hosts with networks of their own
shared_state     what the parent tells the processes of a host while they run
database_server  the database server: its restarts, its sessions, and queries from outside
host_faults      the faults
host_figures     the counts and times of a run
host_checks      what must be true on the database server at every instant, and at the end
host_run         a run
host_command     the command that starts it
"""
