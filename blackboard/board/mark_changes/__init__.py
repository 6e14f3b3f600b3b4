"""The changes of live marks that every change needs, and the ways a mark leaves.

mark_lookup         a live mark by its id, or what became of it
change_preparation  a live mark that is about to change, and what must happen before
mark_removals       the ways a mark leaves the live board: evaporation and withdrawal
unique_holders      which live mark holds which value of a unique field
mark_indexes        the indexes that marks are found by
"""
