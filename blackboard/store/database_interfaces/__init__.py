"""The abstract classes of what a database in a file and one on a server do differently.

place_interface    the file of a board, or its database on a server
process_interface  which workers are alive, and how processes hear of the commits of others
upkeep_interface   backups, compaction and measurements of a board
query_interface    queries of people and programs with their own SQL, which only read
"""
