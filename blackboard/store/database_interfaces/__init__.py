"""The abstract classes of what a database in a file and one on PostgreSQL do differently.

place_interface       the file of a board, or its database on PostgreSQL
process_interface     which workers are alive, and how processes hear of the commits of others
upkeep_interface      backups, compaction and measurements of a board
user_query_interface  the queries that users write in SQL, which only read
"""
