"""The connections to a database.

database_url            the URL of a database, and SQLAlchemy's view of it
reader_pool             idle reading connections, lent again
connection_uses         the threads that use a reading connection; a fork waits for them
read_limits             time limits of the reads of a thread
readonly_query          one query of a person, in a process that can only read and is stopped after a time
readonly_query_process  the script of that process
"""
