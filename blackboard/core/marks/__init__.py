"""Marks: their classes, how they fade, how a repeated deposit joins a mark, and how they are found.

mark_model             the base class of marks
mark_checks            checks of a mark's subject, its intensity, an increase of it, and the event that it must be at
mark_error_texts       the texts of errors about payloads
kinds                  the settings of a kind of marks
decay                  decay laws: the share of a mark that remains after an age
fading_marks           the fading part of a mark: its strength at any instant, and the end of its life
reinforcement          how a repeated deposit joins a mark
payload_json           payloads as JSON: from a mark to the stored text, and back
payload_round_trip     checks that a mark is read as it was deposited
deposit_requests       requests to deposit a mark, as plain data
deposit_lists          lists of items to deposit, with their keys and times, and their batches
pydantic_internals     the internals of pydantic that the classes of marks rely on
canonical_json_schema  the form of a JSON schema, independent of its text
tags                   fields of a payload that marks are found by
full_text              fields whose text is searched, and the words of a user's text
json_comparison_keys   the text of a value that equal values share
scopes                 what a watch measures together: a subject, a group, or the whole board
"""
