"""Transactions on a server that read without a lock, and commit if nothing has changed.

optimistic_transaction   a transaction that checks under the lock what it has read
one_message_transaction  a transaction that also asks nothing, and takes the answers that its process remembers
used_answers             the answers that its rules have used
planned_writes           its writes
checked_statement        the statement that checks what was read, and writes
checked_totals           additions to the sums over the board in such a statement
"""
