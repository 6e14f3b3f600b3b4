"""What boards on PostgreSQL need: the commits of each writer, and the locks that show which workers are alive.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the changes, part by part."""
    _writers()
    _locks_of_workers()


def _writers() -> None:
    """Add the number of the last commit of each writer. Only PostgreSQL uses the table."""
    op.create_table(
        "writer",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def _locks_of_workers() -> None:
    """Add the number of the lock that a worker holds on PostgreSQL."""
    op.add_column("worker", sa.Column("lock_key", sa.BigInteger))
