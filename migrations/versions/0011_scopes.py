"""The columns that hold a scope are called `scope`: a subject, a group or the whole board.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = (
    "predicted_crossing",
    "watch_state",
    "followed_watch",
    "crossing",
    "subject_cooldown",
    "activation",
    "activity_event",
    "message",
)

INDEXED = ("crossing", "message")


def upgrade() -> None:
    """Rename the columns, and the indexes that are named after them. The views keep the names of their columns."""
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN subject TO scope")
    for table in INDEXED:
        op.drop_index(f"ix_{table}_subject", table)
        op.create_index(f"ix_{table}_scope", table, ["scope"])
