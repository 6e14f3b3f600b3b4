"""What the board needs to find marks by what they say.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the changes, part by part."""
    _parameters_of_laws()
    _tags()
    _tags_in_windows()
    _search()
    _groups()


def _parameters_of_laws() -> None:
    """Name the two numbers of a law by what they are."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":  # which would rename the columns in views too, if it could read each view
        for view in sa.inspect(connection).get_view_names():  # they are made anew at the end of an upgrade
            op.execute(f"DROP VIEW {view}")
    op.execute("ALTER TABLE law RENAME COLUMN a TO length")
    op.execute("ALTER TABLE law RENAME COLUMN b TO shape")


def _tags() -> None:
    """Add the tags of marks. No kind has declared tags so far."""
    op.create_table(
        "mark_tag",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("mark_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_mark_tag_mark_id", "mark_tag", ["mark_id"])


def _groups() -> None:
    """Add the scope of the sums of a watch, which so far were over the board."""
    op.create_table(
        "watch_total",
        sa.Column("watch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("law", sa.Text, primary_key=True),
        sa.Column("marks", sa.Integer, nullable=False),
        sa.Column("sum0", sa.Float, nullable=False),
        sa.Column("sum1", sa.Float, nullable=False),
        sa.Column("anchor", sa.BigInteger, nullable=False),
        sa.Column("evaporated_through", sa.BigInteger, nullable=False),
        sa.Column("error0", sa.Float),
        sa.Column("error1", sa.Float),
        sqlite_with_rowid=False,
    )
    columns = "kind, law, marks, sum0, sum1, anchor, evaporated_through, error0, error1"
    op.execute(f"INSERT INTO watch_total (watch_id, scope, {columns}) SELECT watch_id, '', {columns} FROM board_total")
    op.drop_table("board_total")


def _tags_in_windows() -> None:
    """Add the tags of the deposits in windows. No window filters by tags yet."""
    op.create_table(
        "window_tag",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("occurred_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "event_id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("subject", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_window_tag_event_id", "window_tag", ["event_id"])


def _search() -> None:
    """Add what the board knows of its full-text index, which exists once a kind is searched."""
    long = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "search_kind",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("position", long, nullable=False),
        sa.Column("up_to", long, nullable=False),
    )
    op.create_table(
        "search_field",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_doc",
        sa.Column("id", long, primary_key=True, autoincrement=False),
        sa.Column("event_id", long, nullable=False),
    )
    op.add_column("board", sa.Column("purge_owed_at", sa.BigInteger))
