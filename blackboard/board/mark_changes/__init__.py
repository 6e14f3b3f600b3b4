"""The changes of marks: deposits, reinforcements, withdrawals and evaporation, with all that follows from them.

The steps of a deposit, as `docs/journeys.md` lists them: `interface.deposit_methods` takes the mark;
`deposit_transactions` makes it a request (`core.marks.deposit_requests`) and a unit of work; `deposit_intake` looks up
its key; `deposit_checks` checks it; `deposits` writes it; `deposit_effects` updates what depends on it.

deposit_intake      how requests become deposits: batches, known keys, and reads that are sent together
deposit_checks      checks of a deposit: its author, payload, subject, intensity and times
deposit_keys        the key of a deposit, which stands for its first request
deposits            the deposit of a mark, with all that follows in the same transaction
joined_marks        the mark that results when a deposit joins the live mark of its kind and subject
deposit_effects     the effects of a deposit on needs, messages, watches, guards and windows
reinforcements      the reinforcement of a mark without a deposit
mark_removals       the ways a mark leaves the live board: evaporation and withdrawal
mark_lookup         a mark by its id, to read it
change_preparation  the steps that come before the change of a live mark
mark_indexes        the indexes that marks are found by
"""
