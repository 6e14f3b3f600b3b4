"""The differences between SQLite and PostgreSQL.

dialect             the differences, by capability
driver_errors       the meanings of the errors of a driver
sqlite_dialect      SQLite: its SQL, its connections and its errors
sqlite_library      the SQLite library of this process
postgresql_dialect  PostgreSQL: its SQL, its connections and its errors
full_text_queries   queries in the languages of both databases for words
"""
