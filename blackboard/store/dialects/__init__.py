"""The differences between SQLite and PostgreSQL.

dialect             the differences, by capability
sqlite_dialect      SQLite: its SQL, its connections and its errors
sqlite_driver       the SQLite library of this process
postgresql_dialect  PostgreSQL: its SQL, its connections and its errors
full_text_queries   queries in the languages of both databases for words
"""
