"""What the board needs to know about time: when something occurred, and when agents wake by the clock.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the changes, part by part."""
    _times_of_occurrence()
    _deposits_ahead_of_time()
    _schedules()
    _watch_states()
    _read_positions()
    _windows()


def _times_of_occurrence() -> None:
    """Add when each event occurred: when it was recorded, as nothing else is known. The same holds for live marks.

    The intensity of a deposit itself is known only of a mark's first one: later ones may have been added to it.
    """
    for table, columns in (("mark", ["occurred_at"]), ("event", ["occurred_at", "anchored_at"])):
        for column in columns:
            op.add_column(table, sa.Column(column, sa.BigInteger, nullable=False, server_default=sa.text("0")))
    op.add_column("event", sa.Column("deposited_intensity", sa.Float))
    op.add_column("event", sa.Column("shown_event_id", sa.BigInteger().with_variant(sa.Integer, "sqlite")))
    op.execute("UPDATE mark SET occurred_at = reinforced_at")
    op.execute(
        """
        UPDATE event
        SET occurred_at = recorded_at, anchored_at = recorded_at,
          deposited_intensity = CASE WHEN event = 'deposited' THEN intensity END
        """
    )


def _deposits_ahead_of_time() -> None:
    """Add the count of deposits whose clock was ahead of the board."""
    zero = sa.text("0")
    op.add_column("board", sa.Column("skewed_deposits", sa.BigInteger, nullable=False, server_default=zero))
    op.add_column("board", sa.Column("largest_skew", sa.BigInteger, nullable=False, server_default=zero))
    op.add_column("board", sa.Column("skewed_at", sa.BigInteger, nullable=False, server_default=zero))


def _schedules() -> None:
    """Add the first deployment of each schedule, and the instant for which a schedule woke an activation."""
    op.add_column("watch", sa.Column("scheduled_from", sa.BigInteger))
    op.add_column("activation", sa.Column("scheduled_for", sa.BigInteger))


def _watch_states() -> None:
    """Add what watches over time remember of their conditions, and why they crossed."""
    identifier = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "watch_state",
        sa.Column("watch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("mark_id", identifier, primary_key=True, autoincrement=False),
        sa.Column("held_since", sa.BigInteger),
        sa.Column("crossed_at", sa.BigInteger),
        sa.Column("event_id", identifier, nullable=False),
        sa.Column("dropped", sa.Integer, nullable=False, server_default=sa.text("0")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_watch_state_mark_id", "watch_state", ["mark_id"])
    op.add_column("crossing", sa.Column("cause", sa.Text))


def _read_positions() -> None:
    """Add how far files that are followed have been deposited."""
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "read_position",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("author", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("inode", sa.Text, nullable=False),
        sa.Column("generation", big, nullable=False),
        sa.Column("position", big, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("header", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _windows() -> None:
    """Add the table of the deposits that windows count. No board has a window yet."""
    identifier = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "window_event",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("occurred_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", identifier, primary_key=True, autoincrement=False),
        sa.Column("mark_id", identifier, nullable=False),
        sa.Column("intensity", sa.Float, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_window_event_kind_occurred_at", "window_event", ["kind", "occurred_at"])
    op.create_index("ix_window_event_mark_id", "window_event", ["mark_id"])
