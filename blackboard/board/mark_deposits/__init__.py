"""The deposits and reinforcements of marks, with all that follows from them.

deposit_requests      requests to deposit a mark, as plain data
deposit_reads     the reads of a deposit, sent to a server in one message
checked_deposits      deposits of requests, which are first checked against the board
author_checks         whether a name may sign
deposits              the deposit of a mark, with all that follows in the same transaction
marks_after_deposits  the mark that results when a deposit joins a live mark
deposit_effects       the effects of a deposit on needs, messages, watches, guards and windows
deposit_keys          the key of a deposit, which stands for its first request
payload_checks        checks of payloads against the limits and the registered schema
reinforcements        the reinforcement of a mark without a deposit
"""
