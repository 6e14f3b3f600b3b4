"""Transactions on a server, whose statements cross the wire together.

Under the lock:

server_transaction     a transaction whose statements wait for the next read, or for COMMIT
pipelined_transaction  the common part of transactions: reads, sent ahead or when they are needed
statement_pipeline     the statements that wait on a connection, and their results
row_sets               rows that a transaction inserts together, table by table
transaction_cache      the results that a transaction has got, until its writes may change them
process_cache          the results that a process keeps for its next transactions

Without the lock, which commit if nothing has changed:

optimistic_transaction   a transaction that checks under the lock what it has read
one_message_transaction  a transaction that also sends no read, and takes the results that its process remembers
used_results             the results that its rules have used
planned_writes           its writes
checked_statement        the statement that checks what was read, and writes
checked_totals           additions to the sums over the board in such a statement
"""
