"""The limits that a server, its pages and the tools of models share for what one request may read."""

from __future__ import annotations

MAX_READING_TIME = "10s"
"""The longest time that one request or tool may read the board."""
MAX_QUERY_SECONDS = 10
"""The longest time of an SQL query of a request or tool."""
MAX_QUERY_ROWS = 10_000
"""The largest number of rows that a server gives for an SQL query."""
MAX_PAGE_ITEMS = 1000
"""The largest number of items of a list that a server gives at once."""
