"""Transactions on a server that read without a lock, and commit only if nothing that they have read has changed.

optimistic_transaction      the transaction, also in a form that is a single message
read_write_sets             what it has read and what it writes
commit_validation           the statement that checks its reads under the lock, and writes
optimistic_total_additions  its additions to sums over the board, which others may change meanwhile
"""
