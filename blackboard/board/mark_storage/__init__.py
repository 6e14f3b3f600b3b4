"""Marks on the board: their deposits, their changes, and how they leave.

deposit_requests      requests to deposit a mark, as plain data
deposit_questions     the reads of a deposit, sent to a server in one message
checked_deposits      deposits of requests, which are first checked against the board
author_checks         whether a name may sign
change_preparation    a live mark that is about to change, and what must happen before
deposits              the deposit of a mark, with all that follows in the same transaction
marks_after_deposits  the mark that results when a deposit joins a live mark
deposit_effects       the effects of a deposit on needs, messages, watches, guards and windows
deposit_keys          the key of a deposit, which stands for its first request
payload_checks        checks of payloads against the limits and the registered schema
reinforcements        the reinforcement of a mark without a deposit
mark_lookup           a live mark by its id, or what became of it
mark_removals         the ways a mark leaves the live board: evaporation and withdrawal
unique_holders        which live mark holds which value of a unique field
mark_indexes          the indexes that marks are found by
mark_tags             the tags of marks
"""
