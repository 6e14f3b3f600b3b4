"""The parts of a database that differ between a file and a server: their protocols.

board_place      the file of a board, or its database on a server
board_processes  which workers are alive, and how processes hear of the commits of others
board_upkeep     backups, compaction and measurements of a board
board_queries    queries of people and programs with their own SQL, which only read
"""
