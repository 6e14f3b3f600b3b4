"""Transactions on PostgreSQL, whose statements cross the wire together.

postgresql_transaction  a transaction that holds the lock of writers, or only reads
pipelined_transaction   the base class of transactions: reads, sent ahead or when they are needed
statement_pipeline      the statements that wait on a connection, and their results
psycopg_internals       the parts of psycopg that it does not document, and a check that they exist
bulk_writes             rows that a transaction inserts or deletes together, table by table
transaction_read_cache  the results that a transaction has read, until its writes may change them
process_read_cache      the results that a process remembers for its next transactions
"""
