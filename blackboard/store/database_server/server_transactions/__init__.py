"""Transactions on a server, whose statements cross the wire together.

Under the lock:

server_transaction     a transaction whose statements wait for the next question, or for COMMIT
pipelined_transaction  the common part of transactions: questions, asked ahead or when they are needed
statement_pipeline     the statements that wait on a connection, and their answers
row_sets               rows that a transaction inserts together, table by table
transaction_cache      the answers that a transaction has asked for, until its writes may change them
process_cache          the answers that a process keeps for its next transactions

Without the lock, which commit if nothing has changed:

optimistic_transaction   a transaction that checks under the lock what it has read
one_message_transaction  a transaction that also asks nothing, and takes the answers that its process remembers
used_answers             the answers that its rules have used
planned_writes           its writes
checked_statement        the statement that checks what was read, and writes
checked_totals           additions to the sums over the board in such a statement
"""
