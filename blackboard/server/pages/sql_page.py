"""The page of SQL: a box for queries on the views, with their columns beside it."""

from __future__ import annotations

from pydantic import Field

from blackboard.core.records.view_columns import VIEWS
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields

EXAMPLE = """SELECT kind, count(*) AS marks, round(sum(strength), 2) AS total
FROM live_marks
GROUP BY kind
ORDER BY total DESC"""


class SqlFields(PageFields):
    """The query in the box."""

    query: str = Field(default="", max_length=100_000)


def show_sql(call: PageCall[SqlFields]) -> PageContent:
    """Return the views and their columns."""
    return PageContent({}, {"views": VIEWS, "query": call.parameters.query or EXAMPLE})


PAGE = LivePage(
    "sql",
    "/sql",
    "SQL",
    read=show_sql,
    about="Queries on the views of the board.",
    scope="sql",
    withheld_if_redacted=True,
)
