"""The ids of rows, which are positive."""

from __future__ import annotations

MAX_ID = 2**63 - 1
"""The largest id that a database can hold."""


def is_record_id(number: int) -> bool:
    """Return whether a row may have this id. A statement takes no larger number as a parameter."""
    return 0 < number <= MAX_ID
