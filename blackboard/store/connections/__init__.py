"""The connections of a process to a database, and the commits that its threads share.

database_url        the URL of a database: an SQLite file or PostgreSQL
reader_pool         idle reading connections, lent again; the threads that use them, and the limits of their reads
writing_connection  the writing connection of a process, and the transaction that is open on it
group_commit        lets several threads share a commit
batch_commits       commits the work of several threads in one transaction
"""
