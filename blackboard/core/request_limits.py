"""The limits of one request to a board: how much it may read, and which ids it may name."""

from __future__ import annotations

from blackboard.durations import SECOND, Microseconds

MAX_READING_TIME = Microseconds(10 * SECOND)
"""The longest time that one request or tool may read the board."""
MAX_QUERY_SECONDS = 10
"""The longest time of an SQL query of a request or tool."""
MAX_QUERY_ROWS = 10_000
"""The largest number of rows that a server gives for an SQL query."""
MAX_PAGE_ITEMS = 1000
"""The largest number of items of a list that a server gives in one response."""
MAX_ID = 2**63 - 1
"""The largest id of a row that a database can hold."""


def is_record_id(number: int) -> bool:
    """Return whether a row may have this id. A larger number is not even possible as a parameter of a statement."""
    return 0 < number <= MAX_ID
