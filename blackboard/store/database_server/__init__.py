"""A database on a server: its clock, its notifications and its locks.

server_clock     the clock of the server, which all processes follow
server_listener  the connection that hears of commits and shows that a worker is alive
server_backup    backups by the programs of the server
server_lock      a lock between the processes on a server
server_checks    measurements of the server: its clock, its durability, a pooler before it
"""
