"""Transactions on PostgreSQL that read without a lock, and commit only if nothing that they have read has changed.

optimistic_transaction      the transaction, and its form in a single message
optimistic_commits          tries to commit in this way, and when a try is skipped
read_write_sets             what it has read and what it writes
commit_validation           the statement that checks its reads under the lock, and writes
optimistic_total_additions  its additions to the board's sums, which others may change meanwhile
"""
