"""The upkeep of a board on a server.

server_upkeep  the upkeep of the board; much of it is the server's own work
dump_backups   backups by the programs of the server
server_checks  measurements of the server: its clock, its durability, a pooler before it
"""
