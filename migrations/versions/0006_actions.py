"""What the board needs to know about what agents do beside deposits.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each part has a function of its own."""
    _reinforcements()
    _conflicts()


def _reinforcements() -> None:
    """Add the author of the last event of a mark that shows the payload of another author.

    So far, that was a deposit which occurred earlier than what the mark shows, and no agent made one.
    """
    op.add_column("mark", sa.Column("last_author", sa.Text))
    op.execute(
        """
        UPDATE mark
        SET last_author = (
          SELECT event.author FROM event WHERE event.id = mark.event_id AND event.author <> mark.author
        )
        """
    )


def _conflicts() -> None:
    """Add the conflicts of an activation, and when its marks were last read."""
    op.add_column("activation", sa.Column("conflicts", sa.BigInteger, nullable=False, server_default=sa.text("0")))
    op.add_column("activation", sa.Column("reads_again", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("activation", sa.Column("read_at", sa.BigInteger))
